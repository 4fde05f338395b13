import CCairo

extension Picture {
  /// Draws a picture: `body` receives a canvas of `width` by `height` pixels.
  ///
  /// With `magnification` above one the picture has that many pixels for each unit of the canvas.
  public init(
    drawing width: Int, _ height: Int, background: Color = .white, magnification: Double = 1,
    _ body: (Canvas) throws -> Void
  ) rethrows {
    let columns = Int((Double(width) * magnification).rounded())
    let rows = Int((Double(height) * magnification).rounded())
    let surface = unsafe cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(columns), Int32(rows))
    let context = unsafe cairo_create(surface)
    defer {
      unsafe cairo_destroy(context)
      unsafe cairo_surface_destroy(surface)
    }
    guard let context = unsafe context, unsafe cairo_status(context) == CAIRO_STATUS_SUCCESS else {
      fatalError("cannot make a surface of \(columns)x\(rows) pixels")
    }
    unsafe cairo_scale(context, magnification, magnification)
    let canvas = unsafe Canvas(
      context: context, size: Size(Double(width), Double(height)), isVector: false,
      pixelsPerUnit: magnification)
    canvas.paint(background)
    try body(canvas)
    unsafe cairo_surface_flush(surface)
    unsafe self.init(surface: surface, width: columns, height: rows)
  }

  /// Draws a figure as a picture, with `magnification` pixels for each of its units.
  public init(_ drawing: some Drawable, magnification: Double = 1) {
    let size = drawing.size
    self.init(
      drawing: Int(size.width.rounded(.up)), Int(size.height.rounded(.up)),
      magnification: magnification
    ) { canvas in
      drawing.draw(on: canvas, in: Rectangle(size))
    }
  }

  private init(surface: OpaquePointer?, width: Int, height: Int) {
    let stride = unsafe Int(cairo_image_surface_get_stride(surface))
    guard let data = unsafe cairo_image_surface_get_data(surface) else {
      fatalError("the surface of a picture has no pixels")
    }
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    unsafe bytes.withUnsafeMutableBufferPointer { bytes in
      for y in 0..<height {
        let row = unsafe UnsafeRawPointer(data + y * stride)
        for x in 0..<width {
          let pixel = unsafe row.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self)
          let i = 3 * (y * width + x)
          unsafe bytes[i] = UInt8(truncatingIfNeeded: pixel >> 16)
          unsafe bytes[i + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
          unsafe bytes[i + 2] = UInt8(truncatingIfNeeded: pixel)
        }
      }
    }
    self.init(width: width, height: height, bytes: bytes)
  }

  // The caller destroys the surface.
  func makeSurface() -> OpaquePointer? {
    let surface = unsafe cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height))
    guard let data = unsafe cairo_image_surface_get_data(surface) else {
      fatalError("cannot make a surface of \(width)x\(height) pixels")
    }
    let stride = unsafe Int(cairo_image_surface_get_stride(surface))
    unsafe bytes.withUnsafeBufferPointer { bytes in
      for y in 0..<height {
        let row = unsafe UnsafeMutableRawPointer(data + y * stride)
        for x in 0..<width {
          let i = 3 * (y * width + x)
          let pixel =
            unsafe UInt32(bytes[i]) << 16 | UInt32(bytes[i + 1]) << 8 | UInt32(bytes[i + 2])
          unsafe row.storeBytes(of: pixel | 0xFF00_0000, toByteOffset: 4 * x, as: UInt32.self)
        }
      }
    }
    unsafe cairo_surface_mark_dirty(surface)
    return unsafe surface
  }
}
