"""The program `wane`, in a pseudo-terminal and in pipes.

usage: WANE=.build/release/wane python3 -m unittest discover -s Tests/repl
"""

import os
import subprocess
import tempfile
import time
import unittest

from terminal import Terminal

WANE = os.path.abspath(os.environ.get("WANE", ".build/release/wane"))


class Interactive(unittest.TestCase):
    environment = {}

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.history = os.path.join(self.directory.name, "history")
        self.terminal = self.start()

    def start(self, *arguments):
        environment = {"WANE_HISTORY": self.history, "NO_COLOR": "1", **self.environment}
        terminal = Terminal([WANE, *arguments], environment)
        self.addCleanup(terminal.kill)
        terminal.expect("> ")
        return terminal

    def enter(self, line, wait=None):
        return self.terminal.enter(line, wait)

    def complete(self, text, wanted):
        """Types `text` and Tab, expects the line to become `wanted`, and drops the line."""
        self.terminal.type("\x15")
        start = len(self.terminal.text)
        self.terminal.type(text + "\t")
        self.terminal.expect(wanted, start)
        start = len(self.terminal.text)
        self.terminal.interrupt()
        self.terminal.expect("^C\n> ", start)


class Printing(Interactive):
    def test_banner(self):
        self.assertRegex(
            self.terminal.text,
            r"^wane \S+ · Lua 5\.4( · .*)? · help\(\) for help, Ctrl-D to leave\n> $")

    def test_expressions_print(self):
        self.assertIn("\n2\n", self.enter("1 + 1"))
        self.assertIn("\n2\ttext\tnil\n", self.enter('2, "text", nil'))
        self.assertNotIn("nil", self.enter("x = nil").replace("x = nil", ""))

    def test_last_result(self):
        self.enter("6 * 7")
        self.assertIn("\n43\n", self.enter("_ + 1"))

    def test_tables(self):
        self.assertIn("\n{ accuracy = 0.9113, loss = 0.251723 }\n", self.enter("{ loss = 0.2517234, accuracy = 0.9113 }"))
        self.assertIn('\n{ 1, "two", { 3 }, x = { y = true } }\n', self.enter('{1, "two", {3}, x = {y = true}}'))
        self.assertIn("\n{}\n", self.enter("{}"))
        self.assertIn("\n{ <cycle>, name = 1 }\n", self.enter("(function() local t = {name=1} t[1] = t return t end)()"))
        long = self.enter("(function() local t = {} for i = 1, 5 do t[('key%d'):format(10 ^ i)] = ('v'):rep(30) end return t end)()")
        self.assertIn('\n  key10     = "vvv', long)
        self.assertIn('\n  key100000 = "vvv', long)

    def test_help(self):
        self.assertIn("wane.help(anything) -> text", self.enter("help(wane.help)"))
        self.assertIn("objects and", self.enter("help()").replace("help(object) and", "objects and"))

    def test_no_color(self):
        self.enter("{ 1 }")
        self.assertNotIn("\x1b[3", self.terminal.raw)


class Color(Interactive):
    environment = {"NO_COLOR": ""}

    def test_colors(self):
        self.enter("{ 1 }")
        self.assertIn("\x1b[36m1", self.terminal.raw)
        self.enter("error 'x'")
        self.assertIn("\x1b[31mstdin:1: x", self.terminal.raw)


class Dumb(Interactive):
    environment = {"TERM": "dumb", "NO_COLOR": ""}

    def test_no_escapes(self):
        self.enter("{ 1 }")
        self.enter("error 'x'")
        self.assertNotIn("\x1b[3", self.terminal.raw)


class Errors(Interactive):
    def test_runtime_error_at_the_prompt(self):
        shown = self.enter('error("boo")')
        self.assertIn("\nstdin:1: boo\n> ", shown)

    def test_traceback_has_no_internal_frames(self):
        self.enter('function f() error("deep") end')
        shown = self.enter("f()")
        self.assertIn("stack traceback:", shown)
        self.assertIn("in function 'f'", shown)
        self.assertNotIn("[C]: in ?", shown)

    def test_syntax_error(self):
        self.assertIn("unexpected symbol", self.enter("x = = 1"))

    def test_error_objects(self):
        self.assertIn("(error object is a table value)", self.enter("error({})"))
        self.assertIn("\nE!\n", self.enter("error(setmetatable({}, {__tostring = function() return 'E!' end}))"))


class Editing(Interactive):
    def test_continuation(self):
        self.enter("for i = 1, 2 do", "\n>> ")
        self.enter("print(i * 10)", "\n>> ")
        self.assertIn("\n10\n20\n", self.enter("end"))
        self.enter("1 +", "\n>> ")
        self.assertIn("\n3\n", self.enter("2"))
        self.enter("s = [[a", "\n>> ")
        self.enter("b]]")
        self.assertIn("\n3\n", self.enter("#s"))

    def test_interrupt_drops_the_line(self):
        start = len(self.terminal.text)
        self.terminal.type("some text")
        self.terminal.expect("some text", start)
        self.terminal.interrupt()
        self.terminal.expect("^C\n> ", start)
        self.assertIn("\n2\n", self.enter("1 + 1"))

    def test_interrupt_drops_the_block(self):
        self.enter("if true then", "\n>> ")
        start = len(self.terminal.text)
        self.terminal.interrupt()
        self.terminal.expect("^C\n> ", start)
        self.assertIn("\n2\n", self.enter("1 + 1"))

    def test_interrupt_stops_a_loop(self):
        self.enter("n = 0")
        start = len(self.terminal.text)
        self.terminal.type("while true do n = n + 1 end\r")
        time.sleep(0.3)
        began = time.monotonic()
        self.terminal.interrupt()
        self.terminal.expect("interrupted!", start)
        self.assertLess(time.monotonic() - began, 1.0)
        self.terminal.expect("\n> ", start)
        self.assertIn("\ntrue\n", self.enter("n > 0"))

    def test_paste_of_several_lines(self):
        start = len(self.terminal.text)
        self.terminal.type("\x1b[200~for i = 1, 2 do\n  print('p' .. i)\nend\x1b[201~\r")
        self.terminal.expect("\np1\np2\n> ", start)

    def test_control_d_leaves(self):
        self.terminal.type("\x04")
        self.assertEqual(self.terminal.finish(), 0)

    def test_os_exit(self):
        self.terminal.type("os.exit(7)\r")
        self.assertEqual(self.terminal.finish(), 7)


class History(Interactive):
    def test_entries_survive_whole(self):
        self.enter("first = 1")
        self.enter("for i = 1, 2 do", "\n>> ")
        self.enter("second = i", "\n>> ")
        self.enter("end")
        self.terminal.type("\x04")
        self.assertEqual(self.terminal.finish(), 0)
        self.terminal = self.start()
        self.terminal.type("\x1b[A\r")
        self.terminal.expect("\n> ", self.terminal.text.rindex("> "))
        self.assertIn("\n2\n", self.enter("second"))
        self.enter("\x1b[A\x1b[A\x1b[A")
        self.assertIn("\n1\n", self.enter("first"))

    def test_default_place(self):
        environment = {"XDG_STATE_HOME": self.directory.name, "HOME": self.directory.name}
        terminal = Terminal(["env", "-u", "WANE_HISTORY", WANE], environment)
        terminal.expect("> ")
        terminal.enter("x = 1")
        terminal.type("\x04")
        terminal.finish()
        with open(os.path.join(self.directory.name, "wane", "history"), encoding="utf-8") as file:
            self.assertIn("x = 1", file.read())


class Completion(Interactive):
    def test_globals_and_fields(self):
        self.complete("collectg", "collectgarbage")
        self.complete("string.for", "string.format")
        self.complete("wane.vers", "wane.version")
        self.complete("repe", "repeat")

    def test_methods(self):
        self.enter("s = 'text'")
        self.complete("s:upp", "s:upper")
        self.complete("x = 'a' .. s:upp", "'a' .. s:upper")
        self.complete("x = s .. s:upp", "s .. s:upper")
        self.complete("io.stdout:setv", "io.stdout:setvbuf")
        self.enter("t = setmetatable({}, { __index = { inherited_method = print, inherited_value = 1 } })")
        self.complete("t:inh", "t:inherited_method")
        self.complete("t.inherited_v", "t.inherited_value")

    def test_files_inside_quotes(self):
        path = os.path.join(self.directory.name, "network_file.wane")
        with open(path, "w", encoding="utf-8"):
            pass
        self.complete(f'io.open("{self.directory.name}/netw', f'{path}"')

    def test_option_names_and_words(self):
        self.complete("wane.prune(model, { spars", "sparsity")
        self.complete('wane.prune(model, { criterion = "tay', "taylor")
        self.complete("wane.nn.conv2d { 32, 3, activ", "activation")

    def test_only_options_that_belong_to_the_method(self):
        self.complete('wane.compress(model, { method = "share", c', 'method = "share", clusters')

    def test_options_of_the_stages_of_a_pipeline(self):
        self.complete('wane.pipeline { { "prune", spars', '{ { "prune", sparsity')
        self.complete('wane.pipeline({ { "prune", sparsity = 0.5 }, { "compress", method = "sh', 'method = "share"')

    def test_names_inside_objects(self):
        self.enter("model = wane.nn.sequential { wane.nn.input { 4 }, wane.nn.dense { 3, name = 'head' } }")
        self.complete("model:ev", "model:evaluate")
        self.complete('wane.prune(model, { only = "hea', 'only = "head"')
        self.complete('wane.quantize(model, { bits = { ["hea', '{ ["head"')
        self.complete('model:parameter "head/k', 'model:parameter "head/kernel"')

    def test_only_the_words_that_an_option_takes(self):
        self.enter("model = wane.nn.sequential { wane.nn.input { 4 }, wane.nn.dense { 3, name = 'maximal' } }")
        self.complete('wane.prune(model, { criterion = "ma', 'criterion = "magnitude"')

    def test_nothing_in_comments(self):
        start = len(self.terminal.text)
        self.terminal.type("-- prin\t\t")
        time.sleep(0.2)
        self.terminal.read(0.2)
        self.assertNotIn("print", self.terminal.text[start:])


class Work(Interactive):
    def test_a_bar_is_drawn_and_work_stops(self):
        """Uses the test module when it is on LUA_CPATH."""
        shown = self.enter("probe = require 'waneprobe'")
        if "not found" in shown:
            self.skipTest("waneprobe is not on LUA_CPATH")
        start = len(self.terminal.text)
        self.terminal.type("probe.spin(20)\r")
        self.terminal.expect("spin 1/1 ", start)
        self.terminal.expect("━", start)
        time.sleep(0.3)
        began = time.monotonic()
        self.terminal.interrupt()
        self.terminal.expect("\ninterrupted: model keeps the weights of a step\n> ", start)
        self.assertLess(time.monotonic() - began, 1.0)
        self.assertIn("\n2\n", self.enter("1 + 1"))

    def test_work_in_a_coroutine_stops(self):
        if "not found" in self.enter("probe = require 'waneprobe'"):
            self.skipTest("waneprobe is not on LUA_CPATH")
        start = len(self.terminal.text)
        self.terminal.type("print(pcall(coroutine.wrap(function() probe.spin(20) end)))\r")
        time.sleep(0.4)
        self.terminal.interrupt()
        self.terminal.expect("false\tinterrupted: model keeps", start)
        self.terminal.expect("\n> ", start)
        self.assertIn("\n2\n", self.enter("1 + 1"))


class Models(Interactive):
    """Ctrl-C while a model works: it is heard at once, and the model is whole."""

    def setUp(self):
        super().setUp()
        self.enter("nn = wane.nn")
        self.enter("data = wane.data.tensors(wane.rand { 4096, 8, 8, 1 }, wane.randint({ 4096 }, 0, 3))")
        self.enter("conv = nn.conv2d { 16, 3, padding = 'same' }")
        self.enter("head = nn.dense { 4, activation = 'softmax' }")
        self.enter("model = nn.sequential { nn.input { 8, 8, 1 }, conv, nn.flatten {}, head }")

    def stops(self, code, wanted="interrupted", wait=0.5):
        start = len(self.terminal.text)
        self.terminal.type(code + "\r")
        time.sleep(wait)
        began = time.monotonic()
        self.terminal.interrupt()
        self.terminal.expect(wanted, start)
        self.assertLess(time.monotonic() - began, 1.0, code)
        self.terminal.expect("\n> ", start)

    def test_every_kind_of_work_stops(self):
        self.stops("model:fit(data, { epochs = 1e5 })", "interrupted: model keeps the weights of step")
        self.stops("for i = 1, 1e6 do model:evaluate(data) end")
        self.stops("for i = 1, 1e6 do model:predict(data) end")
        self.stops("wane.prune(model, { sparsity = 0.5, data = data, epochs = 1e5 })")
        self.stops("wane.compress(model, { method = 'share', data = data, epochs = 1e5 })")
        self.stops("wane.quantize(model, { data = data, epochs = 1e5 })")
        self.stops("wane.distill(model, { teacher = model, data = data, epochs = 1e5 })")
        self.stops("wane.pipeline { { 'prune', sparsity = 0.5, epochs = 1e5 } }:run(model, { data = data })")
        self.stops("wane.compare({ a = model, b = model }, { data = data, seconds = 600 })")
        self.stops("wane.prune(model, { max_drop = 0.1, data = data, epochs = 1e5 })")
        self.stops("wane.optimize(model, { data = data, target = { bytes = 2000 }, budget = '100h', epochs = 1e5 })")
        self.assertIn("accuracy", self.enter("model:evaluate(data)"))
        self.assertIn("\n1\n", self.enter("#model:fit(data).loss"))

    def test_a_search_gives_what_it_found(self):
        start = len(self.terminal.text)
        self.terminal.type("best, front = wane.optimize(model, { data = data, target = { bytes = 2000 }, budget = '1h' })\r")
        self.terminal.expect("model 3, ", start, 60)
        began = time.monotonic()
        self.terminal.interrupt()
        self.terminal.expect("\n> ", start)
        self.assertLess(time.monotonic() - began, 1.0)
        self.assertIn("\ntrue\ttrue\n", self.enter("front.interrupted, #front.all >= 2"))
        self.assertIn(", interrupted; ", self.enter("print(front)"))
        self.assertIn("\n2\n", self.enter("1 + 1"))

    def test_work_in_coroutines_and_under_pcall_stops(self):
        self.stops("pcall(model.fit, model, data, { epochs = 1e5 })", "false\tinterrupted: model keeps")
        self.enter("train = coroutine.wrap(function() return pcall(model.fit, model, data, { epochs = 1e5 }) end)")
        self.stops("train()", "false\tinterrupted: model keeps")
        self.stops("model:fit(data, { epochs = 2, on_epoch = function() while true do end end })", "interrupted!", 1.5)


class Narrow(Interactive):
    def start(self, *arguments):
        environment = {"WANE_HISTORY": self.history, "NO_COLOR": "1"}
        terminal = Terminal([WANE, *arguments], environment, columns=40)
        self.addCleanup(terminal.kill)
        terminal.expect("> ")
        return terminal

    def test_a_bar_fits_the_terminal(self):
        self.enter("nn, data = wane.nn, wane.data.tensors(wane.rand { 60000, 64 }, wane.rand { 60000, 4 })")
        self.enter("model = nn.sequential { nn.input { 64 }, nn.dense { 2048 }, nn.dense { 4 } }")
        start = len(self.terminal.raw)
        self.enter("history = model:fit(data, { epochs = 1, batch_size = 4 })")
        lines = [line for line in self.terminal.raw[start:].split("\r") if line.startswith("\x1b[Kepoch")]
        self.assertTrue(lines, self.terminal.raw[start:])
        for line in lines:
            shown = line.removeprefix("\x1b[K").rstrip("\n")
            self.assertLess(len(shown), 40, shown)
            self.assertRegex(shown, r"^epoch 1/1 [━─]{5,} \d+ %(  loss \d+\.\d{4})?(  ETA \S+|  \S+ s)?$")


class StockLua(unittest.TestCase):
    def test_work_stops_in_lua(self):
        terminal = Terminal(["lua5.4", "-i", "-e", "ok, probe = pcall(require, 'waneprobe')"])
        self.addCleanup(terminal.kill)
        terminal.expect("> ")
        if "false" in terminal.enter("print(ok)"):
            self.skipTest("waneprobe is not on LUA_CPATH")
        start = len(terminal.text)
        terminal.type("probe.spin(20)\r")
        time.sleep(0.4)
        terminal.interrupt()
        terminal.expect("interrupted: model keeps the weights of a step", start)
        terminal.expect("\n> ", start)
        self.assertIn("\n2\n", terminal.enter("1 + 1"))
        self.assertIn("\n3\n", terminal.enter("=3"))


class Pipes(unittest.TestCase):
    """The command line, as `lua5.4` understands it."""

    def run_wane(self, *arguments, text="", **environment):
        environment = {**os.environ, **environment}
        return subprocess.run(
            [WANE, *arguments], input=text, capture_output=True, text=True, timeout=30,
            env=environment, check=False)

    def check(self, result, output="", code=0, error=None):
        self.assertEqual(result.stdout, output, result.stderr)
        self.assertEqual(result.returncode, code, result.stderr)
        if error is None:
            self.assertEqual(result.stderr, "")
        else:
            self.assertIn(error, result.stderr)

    def test_standard_input_is_one_chunk(self):
        self.check(self.run_wane(text="local x = 3\nprint(x, wane.version ~= nil)\n"), "3\ttrue\n")
        self.check(self.run_wane("-", "a", text="print(...)"), "a\n")
        self.check(self.run_wane(text="x x"), "", 1, "wane: stdin:1: syntax error near 'x'")

    def test_execute_and_require(self):
        self.check(self.run_wane("-e", "print(1)", "-e", "print(2)"), "1\n2\n")
        self.check(self.run_wane("-eprint(1)"), "1\n")
        self.check(self.run_wane("-l", "wane", "-e", "print(wane.version ~= nil)"), "true\n")
        self.check(self.run_wane("-l", "w=wane", "-e", "print(w == wane)"), "true\n")
        self.check(self.run_wane("-l", "nosuch"), "", 1, "module 'nosuch' not found")
        self.check(self.run_wane("-e", "require 'wane.pretty'"))

    def test_script_and_arguments(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(f"print(arg[0] == '{script.name}', arg[1], arg[2], arg[-1] ~= nil, ...)")
            script.flush()
            self.check(self.run_wane(script.name, "a", "-x"), "true\ta\t-x\ttrue\ta\t-x\n")
        self.check(self.run_wane("/no/such"), "", 1, "wane: cannot open /no/such")

    def test_errors_and_exit_codes(self):
        result = self.run_wane("-e", "error 'x'")
        self.check(result, "", 1, "wane: (command line):1: x\nstack traceback:")
        self.assertNotIn("[C]: in ?", result.stderr)
        self.check(self.run_wane("-e", "os.exit(5)"), "", 5)
        self.check(self.run_wane("-e", "os.exit(true, true)"), "", 0)
        self.check(self.run_wane("-z"), "", 1, "wane: unrecognized option '-z'\nusage: wane")
        self.check(self.run_wane("-e"), "", 1, "'-e' needs argument")

    def test_version(self):
        result = self.run_wane("-v")
        self.assertRegex(result.stdout, r"^wane \S+ · Lua 5\.4\n$")
        self.assertEqual(result.returncode, 0)

    def test_warnings(self):
        self.check(self.run_wane("-e", "warn 'w'"))
        self.check(self.run_wane("-W", "-e", "warn 'w'"), "", 0, "Lua warning: w")

    def test_environment(self):
        code = "print 'init'"
        self.check(self.run_wane("-e", "print(1)", LUA_INIT=code), "init\n1\n")
        self.check(self.run_wane("-E", "-e", "print(1)", LUA_INIT=code), "1\n")
        self.check(self.run_wane("-e", "", LUA_INIT="error 'a'", LUA_INIT_5_4=code), "init\n")
        self.check(self.run_wane("-e", "", LUA_INIT="@/no/such"), "", 1, "cannot open /no/such")
        self.check(self.run_wane("-E", "-e", "print(package.path:find('zzz'))", LUA_PATH="zzz"), "nil\n")

    def test_forced_prompt(self):
        result = self.run_wane("-i", text="1 + 1\nfor i = 1, 1 do\nprint(i) end\nerror 'x'\n")
        self.assertIn("> 2\n> >> 1\n> ", result.stdout)
        self.assertIn("stdin:1: x", result.stderr)
        self.assertEqual(result.returncode, 0)

    def test_no_bar_in_a_pipe(self):
        code = "local ok, p = pcall(require, 'waneprobe') if ok then p.spin(0.5) end"
        self.check(self.run_wane("-e", code))

    def test_interrupt_ends_a_script(self):
        process = subprocess.Popen([WANE, "-e", "while true do end"], stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        process.send_signal(2)
        _, error = process.communicate(timeout=10)
        self.assertIn("interrupted!", error)
        self.assertEqual(process.returncode, 1)


if __name__ == "__main__":
    unittest.main()
