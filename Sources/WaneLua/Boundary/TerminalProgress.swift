import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A progress bar on standard error, one line, drawn at most ten times a second.
///
///     epoch 3/50 ━━━━━━━━──────── 41 %  loss 0.2881  ETA 0:01:52
final class TerminalProgress: ProgressSink {
  private static let redrawInterval = 0.1
  private static let barWidth = 25
  private static let leastWidth = 5

  private let colored: Bool
  private var stageStart = TerminalProgress.now()
  private var nextDraw: Double
  private var last: Progress?
  private var isLineOpen = false

  init() {
    colored = Terminal.wantsColor(STDERR_FILENO)
    nextDraw = stageStart + Self.redrawInterval
  }

  deinit { closeLine() }

  var wantsReport: Bool { Self.now() >= nextDraw }

  func report(_ progress: Progress) {
    if last?.title != progress.title { startStage() }
    last = progress
    guard wantsReport else { return }
    draw(progress)
    nextDraw = Self.now() + Self.redrawInterval
  }

  /// Leaves the full bar with the time it took; a stage too short to have been drawn leaves nothing.
  func finishStage() {
    if var last, isLineOpen {
      last.completed = last.total
      draw(last)
      closeLine()
    }
    last = nil
  }

  func note(_ text: String) {
    closeLine()
    Terminal.write(text + "\n", to: STDERR_FILENO)
  }

  private func startStage() {
    closeLine()
    stageStart = Self.now()
    nextDraw = max(nextDraw, stageStart + Self.redrawInterval)
  }

  private func closeLine() {
    if isLineOpen { Terminal.write("\n", to: STDERR_FILENO) }
    isLineOpen = false
  }

  private func draw(_ progress: Progress) {
    let width = Terminal.width(STDERR_FILENO)
    let total = max(1, progress.total)
    let done = min(max(0, progress.completed), total)
    let elapsed = Self.now() - stageStart
    let share = " \(Int(100 * Double(done) / Double(total))) %"
    var end = ""
    if done == total {
      end = "  \(Self.seconds(elapsed))"
    } else if done > 0, elapsed > 0.5 {
      end = "  ETA \(Self.clock(elapsed / Double(done) * Double(total - done)))"
    }
    // Where not all has room, the last details go before the bar does.
    var details = progress.details
    var tail: String { share + (details.isEmpty ? "" : "  \(details)") + end }
    var room: Int { width - 1 - progress.title.count - 1 - tail.count }
    while room < Self.leastWidth, !details.isEmpty { details = Self.shortened(details) }
    let barWidth = min(Self.barWidth, room)
    var line = progress.title
    if barWidth >= Self.leastWidth {
      let filled = Int((Double(barWidth) * Double(done) / Double(total)).rounded(.down))
      let full = String(repeating: "━", count: filled)
      let rest = String(repeating: "─", count: barWidth - filled)
      line += colored ? " \u{1B}[32m\(full)\u{1B}[0m\u{1B}[2m\(rest)\u{1B}[0m" : " \(full)\(rest)"
      line += tail
    } else {
      line = String((line + tail).prefix(max(0, width - 1)))
    }
    Terminal.write("\r\u{1B}[K\(line)", to: STDERR_FILENO)
    isLineOpen = true
  }

  /// The details without the last of those that two blanks part.
  private static func shortened(_ details: String) -> String {
    var rest = Substring(details)
    while let last = rest.popLast() {
      if last == " ", rest.last == " " { return String(rest.dropLast()) }
    }
    return ""
  }

  private static func seconds(_ seconds: Double) -> String {
    if seconds >= 60 { return clock(seconds) }
    let tenths = Int((seconds * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) s"
  }

  /// `0:01:52`.
  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds.rounded(), 359_999))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

extension CallContext {
  /// Where this call's work reports to: a bar if standard error is a terminal, unless the call has
  /// the option `progress = false`.
  package func progress(_ options: Options? = nil) throws -> any ProgressSink {
    let wanted = try options?.boolean("progress") ?? true
    let capable = Terminal.isCapable(STDERR_FILENO)
    return wanted && capable ? TerminalProgress() : SilentProgress()
  }
}
