/// Points with names in a plane, as SVG.
struct SVGScatter {
  /// How a point stands out.
  enum Look: String {
    case usual = "point"
    case first = "point first"
    case faint = "point faint"
  }

  /// A point; one without a name has no label.
  struct Point {
    let x: Double
    let y: Double
    let name: String
    let detail: String
    var look = Look.usual
  }

  /// The name of an axis, and its values as text.
  struct Axis {
    let name: String
    let text: (Double) -> String
  }

  private static let (width, height) = (520.0, 330.0)
  private static let (left, right, top, bottom) = (64.0, 16.0, 30.0, 46.0)

  private let points: [Point]
  private let x: Axis
  private let y: Axis
  private let xScale: AxisScale
  private let yScale: AxisScale
  private let isJoined: Bool

  /// Points whose x are positive, on a logarithmic axis.
  ///
  /// - Parameters:
  ///   - points: the points.
  ///   - x: the horizontal axis.
  ///   - y: the vertical axis.
  ///   - isJoined: whether a line joins the usual ones in their order.
  init(_ points: [Point], x: Axis, y: Axis, isJoined: Bool = false) {
    self.points = points.filter { $0.x > 0 && $0.x.isFinite && $0.y.isFinite }
    self.x = x
    self.y = y
    self.isJoined = isJoined
    xScale = AxisScale(self.points.map(\.x), isLogarithmic: true)
    yScale = AxisScale(self.points.map(\.y), isLogarithmic: false)
  }

  /// The drawing.
  var text: String {
    guard !points.isEmpty else { return "<p class=\"note\">nothing to plot</p>" }
    let (width, height) = (Int(Self.width), Int(Self.height))
    let name = HTMLPage.escaped("\(y.name) against \(x.name)")
    return """
      <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(name)">
      \((frame + line + marks + labels).joined(separator: "\n"))
      </svg>
      """
  }

  private func across(_ value: Double) -> Double {
    Self.left + xScale.place(value) * (Self.width - Self.left - Self.right)
  }

  private func down(_ value: Double) -> Double {
    Self.height - Self.bottom - yScale.place(value) * (Self.height - Self.top - Self.bottom)
  }

  private func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

  private var frame: [String] {
    let (floor, ceiling) = (Self.height - Self.bottom, Self.top)
    let (left, right) = (Self.left, Self.width - Self.right)
    var parts: [String] = []
    for tick in yScale.ticks {
      let place = number(down(tick))
      parts.append(
        "<line class=\"grid\" x1=\"\(left)\" x2=\"\(right)\" y1=\"\(place)\" y2=\"\(place)\"/>")
      parts.append(
        "<text x=\"\(left - 8)\" y=\"\(number(down(tick) + 4))\" text-anchor=\"end\">"
          + "\(HTMLPage.escaped(y.text(tick)))</text>")
    }
    for tick in xScale.ticks {
      let place = number(across(tick))
      parts.append(
        "<line class=\"grid\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(ceiling)\" y2=\"\(floor)\"/>")
      parts.append(
        "<text x=\"\(place)\" y=\"\(floor + 18)\" text-anchor=\"middle\">"
          + "\(HTMLPage.escaped(x.text(tick)))</text>")
    }
    parts.append(
      "<line class=\"axis\" x1=\"\(left)\" x2=\"\(right)\" y1=\"\(floor)\" y2=\"\(floor)\"/>")
    parts.append(
      "<text x=\"\(number((left + right) / 2))\" y=\"\(floor + 38)\" text-anchor=\"middle\">"
        + "\(HTMLPage.escaped(x.name))</text>")
    parts.append("<text x=\"8\" y=\"16\">\(HTMLPage.escaped(y.name))</text>")
    return parts
  }

  private var line: [String] {
    let joined = points.filter { $0.look == .usual }
    guard isJoined, joined.count > 1 else { return [] }
    let path = joined.map { "\(number(across($0.x))),\(number(down($0.y)))" }
    return ["<polyline class=\"path\" points=\"\(path.joined(separator: " "))\"/>"]
  }

  private var marks: [String] {
    let faintFirst = points.filter { $0.look == .faint } + points.filter { $0.look != .faint }
    return faintFirst.map { point in
      let radius = point.look == .faint ? 3 : 6
      let tip = HTMLPage.escaped(point.detail)
      return "<circle class=\"\(point.look.rawValue)\" cx=\"\(number(across(point.x)))\" "
        + "cy=\"\(number(down(point.y)))\" r=\"\(radius)\"><title>\(tip)</title></circle>"
    }
  }

  /// A rectangle that a label or a point takes.
  private struct Box {
    /// Which end of a label stays where it is, whatever the font.
    var anchor = "start"

    let left: Double
    let top: Double
    let width: Double
    let height: Double

    func overlap(_ other: Box) -> Double {
      let across = min(left + width, other.left + other.width) - max(left, other.left)
      let down = min(top + height, other.top + other.height) - max(top, other.top)
      return across > 0 && down > 0 ? across * down : 0
    }
  }

  /// Names beside their points, where they cover least.
  private var labels: [String] {
    let named = points.filter { !$0.name.isEmpty }
    var taken = points.filter { $0.look != .faint }.map { point in
      Box(left: across(point.x) - 6, top: down(point.y) - 6, width: 12, height: 12)
    }
    return named.map { point in
      let (x, y) = (across(point.x), down(point.y))
      // Letters of this font are about this wide.
      let width = 7.2 * Double(point.name.count)
      func right(_ shift: Double) -> Box {
        Box(left: x + 10, top: y - 7 + shift, width: width, height: 14)
      }
      func left(_ shift: Double) -> Box {
        Box(anchor: "end", left: x - 10 - width, top: y - 7 + shift, width: width, height: 14)
      }
      func middle(_ shift: Double) -> Box {
        Box(anchor: "middle", left: x - width / 2, top: y - 7 + shift, width: width, height: 14)
      }
      var places = [right(0), left(0), middle(-16), middle(16)]
      for shift in [16.0, 30] {
        places += [right(-shift), right(shift), left(-shift), left(shift)]
      }
      let inside = places.filter {
        $0.left >= Self.left && $0.left + width <= Self.width
          && $0.top >= Self.top - 6 && $0.top + 14 <= Self.height - Self.bottom
      }
      func cost(_ box: Box) -> Double { taken.reduce(0) { $0 + $1.overlap(box) } }
      let free = inside.first { cost($0) == 0 }
      let chosen = free ?? inside.min { cost($0) < cost($1) } ?? places[0]
      taken.append(chosen)
      let start =
        switch chosen.anchor {
        case "end": chosen.left + width
        case "middle": chosen.left + width / 2
        default: chosen.left
        }
      return "<text class=\"name\" x=\"\(number(start))\" y=\"\(number(chosen.top + 11))\" "
        + "text-anchor=\"\(chosen.anchor)\">\(HTMLPage.escaped(point.name))</text>"
    }
  }
}
