extension LabeledImages {
  /// The images with their extents divided by `factor`: each byte is the rounded mean of a square
  /// of `factor` by `factor` bytes.
  ///
  /// - Parameter factor: a divisor of height and width.
  public func reduced(by factor: Int) -> LabeledImages {
    guard factor > 0, height.isMultiple(of: factor), width.isMultiple(of: factor) else {
      fatalError("images of \(height)x\(width) cannot be reduced by \(factor)")
    }
    let (rows, columns) = (height / factor, width / factor)
    let area = factor * factor
    var result = [UInt8](repeating: 0, count: count * channels * rows * columns)
    unsafe result.withUnsafeMutableBufferPointer { target in
      unsafe pixels.withUnsafeBufferPointer { source in
        for line in 0..<count * channels * rows {
          for column in 0..<columns {
            var sum = area / 2
            for dy in 0..<factor {
              let start = (line * factor + dy) * width + column * factor
              for dx in 0..<factor { unsafe sum += Int(source[start + dx]) }
            }
            unsafe target[line * columns + column] = UInt8(sum / area)
          }
        }
      }
    }
    return replacing(pixels: result, channels: channels, height: rows, width: columns)
  }

  /// The images in gray: one plane, $0.299\,R + 0.587\,G + 0.114\,B$ (ITU-R BT.601), rounded.
  public func gray() -> LabeledImages {
    if channels == 1 { return self }
    guard channels == 3 else { fatalError("\(channels) planes are not red, green and blue") }
    let plane = height * width
    var result = [UInt8](repeating: 0, count: count * plane)
    unsafe result.withUnsafeMutableBufferPointer { target in
      unsafe pixels.withUnsafeBufferPointer { source in
        for image in 0..<count {
          for pixel in 0..<plane {
            let place = 3 * image * plane + pixel
            let sum =
              unsafe 299 * Int(source[place]) + 587 * Int(source[place + plane])
              + 114 * Int(source[place + 2 * plane])
            unsafe target[image * plane + pixel] = UInt8((sum + 500) / 1000)
          }
        }
      }
    }
    return replacing(pixels: result, channels: 1, height: height, width: width)
  }

  private func replacing(
    pixels: [UInt8], channels: Int, height: Int, width: Int
  ) -> LabeledImages {
    LabeledImages(
      name: name, classNames: classNames, channels: channels, height: height, width: width,
      pixels: pixels, labels: labels)
  }
}
