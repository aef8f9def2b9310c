import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.serialized) struct AtomicFileTests {
  private let folder: Folder
  private var path: String { folder.path + "/model.wane" }

  init() throws { folder = try Folder() }

  private func graph(_ value: Float) throws -> Graph {
    var graph = Graph()
    _ = try graph.add(parameter: Parameter("x", Tensor(scalar: value)), layer: "")
    return graph
  }

  private func value(_ path: String) throws -> Float? {
    guard case .dense(let tensor)? = try WaneFile.read(path).graph.parameters["x"]?.payload else {
      return nil
    }
    return tensor.array(Float.self).first
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func writesAndReads() throws {
    try WaneFile(graph(1)).write(to: path)
    try WaneFile(graph(2)).write(to: path)
    #expect(try value(path) == 2)
    #expect(folder.names == ["model.wane"])
  }

  /// A writer that is killed has not come so far as to give its file a name.
  @Test func hasNoNameBeforeItIsWhole() throws {
    let file = try AtomicFile.create(at: path)
    try [UInt8](repeating: 1, count: 1 << 16).withUnsafeBytes { try file.write($0) }
    #expect(folder.names == [])
    try file.commit()
    #expect(folder.names == ["model.wane"])
  }

  @Test func modes() throws {
    try WaneFile(graph(1)).write(to: path)
    let mask = umask(0)
    umask(mask)
    #expect(mode(path) == 0o666 & ~mask)
    chmod(path, 0o640)
    try WaneFile(graph(2)).write(to: path)
    #expect(mode(path) == 0o640)
  }

  @Test func linksStay() throws {
    let link = folder.path + "/link.wane"
    #expect(symlink("model.wane", link) == 0)
    try WaneFile(graph(1)).write(to: link)
    try WaneFile(graph(2)).write(to: link)
    #expect(try value(path) == 2)
    #expect(folder.names == ["link.wane", "model.wane"])
    var status = stat()
    #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    #expect(symlink("loop.wane", folder.path + "/loop.wane") == 0)
    #expect(
      message { try WaneFile(graph(1)).write(to: folder.path + "/loop.wane") }
        == "save: cannot write '\(folder.path)/loop.wane': Too many levels of symbolic links")
  }

  @Test func refusals() throws {
    let model = WaneFile(try graph(1))
    #expect(
      message { try model.write(to: folder.path + "/none/model.wane") }
        == "save: cannot write '\(folder.path)/none/model.wane': No such file or directory")
    #expect(
      message { try model.write(to: folder.path) }
        == "save: cannot write '\(folder.path)': Is a directory")
    #expect(
      message { try model.write(to: "") } == "save: cannot write '': No such file or directory")
    #expect(
      message { try model.write(to: "/dev/null") }
        == "save: cannot write '/dev/null': not a regular file")
    #expect(folder.names.isEmpty)
  }

  @Test func fullDiskLeavesTheOldFile() throws {
    try WaneFile(graph(1)).write(to: path)
    var large = Graph()
    var numbers = Numbers(state: 1)
    let values = (0..<(1 << 20)).map { _ in numbers.normal() }
    _ = try large.add(parameter: Parameter("x", Tensor(values)), layer: "")

    // The limit of a file's size ends a write as a full disk does, and would end the process by a
    // signal besides. It is larger than what other tests write.
    var before = rlimit()
    #expect(getrlimit(__rlimit_resource_t(1), &before) == 0)
    var limit = before
    limit.rlim_cur = 2 << 20
    #expect(setrlimit(__rlimit_resource_t(1), &limit) == 0)
    let text = message { try WaneFile(large).write(to: path) }
    #expect(setrlimit(__rlimit_resource_t(1), &before) == 0)

    #expect(text == "save: cannot write '\(path)': File too large")
    #expect(folder.names == ["model.wane"])
    #expect(try value(path) == 1)
  }

  @Test func writersNeverMix() async throws {
    let path = path
    let files = try (0..<8).map { WaneFile(try graph(Float($0))) }
    await withTaskGroup(of: Void.self) { group in
      for file in files {
        group.addTask { for _ in 0..<20 { try? file.write(to: path) } }
      }
      group.addTask { for _ in 0..<100 { if let file = try? FileSource(path) { _ = file.count } } }
    }
    let last = try value(path)
    #expect((0..<8).contains(Int(last ?? -1)))
    #expect(folder.names == ["model.wane"])
  }

  @Test func whatCannotBeRead() throws {
    func reason(_ path: String) -> String { message { _ = try WaneFile.read(path) } }
    #expect(
      reason(folder.path + "/none.wane")
        == "load: cannot read '\(folder.path)/none.wane': No such file or directory")
    #expect(reason(folder.path) == "load: cannot read '\(folder.path)': Is a directory")
    let pipe = folder.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(reason(pipe) == "load: cannot read '\(pipe)': not a regular file")
    let empty = folder.path + "/empty"
    close(open(empty, O_CREAT | O_WRONLY, 0o600))
    #expect(reason(empty) == "load: '\(empty)' is not a .wane file")
    #expect(reason("a\0b") == "load: a path cannot hold a zero byte")
  }
}
