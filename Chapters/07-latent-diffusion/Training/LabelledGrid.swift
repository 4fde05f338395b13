import Figures

/// Rows of pictures, each with the name of its class.
func labelledGrid(_ rows: [[Picture]], names: [String], title: String = "") -> ImageGrid {
  ImageGrid(title: title, rows: rows, rowLabels: names)
}
