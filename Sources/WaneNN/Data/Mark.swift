import WaneGraph
import WaneTensor

extension Dataset {
  /// A hash of bytes that is the same in every process.
  public static func mark(_ bytes: UnsafeRawBufferPointer) -> String { Mark(bytes).text }

  /// What tells the content of the data set from that of others: a hash of its bytes; of images in
  /// files, of their names and sizes.
  public var mark: String {
    var mark = Mark()
    func add(_ tensor: Tensor) {
      mark.add("\(tensor.dtype) \(tensor.shape)")
      tensor.withBytes { mark.add($0) }
    }
    for column in columns {
      switch column {
      case .tensor(let tensor): add(tensor)
      case .stored(let rows):
        mark.add("\(column.dtype) \(column.shape)")
        // What is missing is told when it is read.
        for row in 0..<column.shape[0] { mark.add((try? rows.mark(row)) ?? "missing") }
      }
    }
    for tensor in allLabels + (weights.map { [$0] } ?? []) { add(tensor) }
    return mark.text
  }
}

/// A hash that is the same in every process, after that of Fowler, Noll and Vo (1991: FNV-1a), but
/// eight bytes at a time: data sets are large.
struct Mark {
  private var value: UInt64 = 0xcbf2_9ce4_8422_2325

  init() {}

  init(_ text: String) { add(text) }

  init(_ bytes: UnsafeRawBufferPointer) { add(bytes) }

  var text: String { "#\(String(value, radix: 16))" }

  mutating func add(_ text: String) {
    for byte in text.utf8 { add(UInt64(byte)) }
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let whole = bytes.count / 8 * 8
    for offset in stride(from: 0, to: whole, by: 8) {
      add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
    for byte in bytes[whole...] { add(UInt64(byte)) }
  }

  mutating func add(_ node: Node) {
    add("\(type(of: node.operation).name) \(node.layer) \(node.inputs) \(node.outputs)")
    for (name, attribute) in node.operation.attributes.sorted(by: { $0.key < $1.key }) {
      add("\(name) \(attribute)")
    }
  }

  /// Turned around in each round, so that the highest bits reach the lowest.
  private mutating func add(_ word: UInt64) {
    let mixed = value ^ word
    value = (mixed << 29 | mixed >> 35) &* 0x0000_0100_0000_01b3
  }
}
