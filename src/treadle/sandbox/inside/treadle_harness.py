"""The first program in a sandbox: starts the package's code as a child and waits for its end.

It must start fast, so it imports nothing that the interpreter has not loaded already: `json` would
take as long as everything else together, `os` a tenth of it, even `__future__` shows. What only
some runs need is imported where they need it. It also runs under other interpreters than the
server's, and it can be read and broken by the code that it runs: the host believes nothing that
comes from here except what the kernel vouches for (the sender's pid).

Process 1 is this program (as root where the server is root, else as the server's user). It says
hello, waits until the host has its hands on it and sends the orders, forks, and then only reaps
orphans, passes SIGTERM on and reports how the child ended. When it ends, the kernel kills whatever
else still lives in the sandbox.
"""

import marshal
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn

# What the host and this program agree on. The control socket keeps the borders of messages.
MESSAGE_BYTES = 32 * 1024
HELLO = b"H"
RESULT_PART = b"r"
RESULT_END = b"R"
ENDED = b"E"

HARNESS_DIR = "/treadle"
PACKAGE_DIR = "/package"
WORK_DIR = "/work"
OUTPUT_DIR = "/output"
ENVIRONMENT_DIR = "/environment"
INPUT_FILE = "/work/input.json"
RESULT_NAME = "result.json"
ERROR_CHARACTERS = 4000

_MISSING = object()
_control = -1
_main = -1
_end_process = vars(posix)["_exit"]  # at once, without the interpreter's clearing up


class InputError(Exception):
    """The input lacks what the function asks for."""


class EntryPointError(Exception):
    """The package has no such module, function or file."""


class ResultError(Exception):
    """What the function returned is not a result."""


# The log is for people: without this program's name.
InputError.__module__ = EntryPointError.__module__ = ResultError.__module__ = "builtins"


class Context(dict):  # type: ignore[type-arg]  # subscripting needs no import, but old interpreters
    """What a function's parameter `context` gets; its entries are attributes too."""

    def __getattr__(self, name: str) -> "Any":
        if name in self:
            return self[name]
        raise AttributeError(f"the context has no {name!r}")


def start(control: int) -> None:
    """Process 1: returns only in the child, when the code has come to its end."""
    global _control  # noqa: PLW0603  # one a process, set before anything else happens
    _control = control
    signals = __import__("_signal")  # `signal` would import `enum`
    awaited = {signals.SIGTERM, signals.SIGCHLD}
    # Held back until they are asked for. A handler would run too late for a signal that comes just
    # before a call that waits; and what process 1 neither handles nor blocks, the kernel hides.
    signals.pthread_sigmask(signals.SIG_BLOCK, awaited)
    signals.signal(signals.SIGINT, signals.SIG_DFL)
    posix.write(_control, HELLO)
    orders = _read_orders()
    child = posix.fork()
    if child:
        del orders
        while True:
            if signals.sigwait(awaited) == signals.SIGTERM:
                posix.kill(child, signals.SIGTERM)
            else:
                _reap(child)
    signals.signal(signals.SIGTERM, signals.SIG_DFL)
    signals.pthread_sigmask(signals.SIG_UNBLOCK, awaited)
    _become(orders)
    _run(orders)


def _read_orders() -> "dict[str, Any]":
    """The marshalled orders, behind their length in 8 bytes. Host gone: ends the process."""
    data = b""
    while len(data) < 8 or len(data) - 8 < int.from_bytes(data[:8], "little"):
        part = posix.read(_control, MESSAGE_BYTES)
        if not part:
            _end_process(1)
        data += part
    return marshal.loads(data[8:])  # noqa: S302  # from the server


def _reap(child: int) -> None:
    """Takes in all who are dead. Is `child` one, tells the host how, and ends the sandbox."""
    while True:
        pid, status, usage = posix.wait4(-1, posix.WNOHANG)
        if pid == child:
            posix.write(_control, ENDED + b"%d %d" % (status, usage.ru_maxrss * 1024))
            _end_process(0)
        if pid == 0:
            return


def _become(orders: "dict[str, Any]") -> None:
    """Makes this process the run's: its user, its session, its environment, its folder."""
    if orders["uid"] is not None:
        posix.setgroups([])
        posix.setresgid(orders["uid"], orders["uid"], orders["uid"])
        posix.setresuid(orders["uid"], orders["uid"], orders["uid"])
    posix.setpgid(0, 0)
    posix.set_inheritable(_control, False)
    posix.chdir(WORK_DIR)
    _set_environment(orders["environ"])


def _set_environment(variables: "dict[str, str]") -> None:
    """Both for C and for `os`, which takes its `environ` over from here when it is imported."""
    for name in list(posix.environ):
        posix.unsetenv(name)
    posix.environ.clear()
    for name, value in variables.items():
        key, data = (text.encode("utf-8", "surrogateescape") for text in (name, value))
        posix.environ[key] = data
        posix.putenv(key, data)


def _run(orders: "dict[str, Any]") -> None:
    """Runs the entry; a result or the error goes to the host, the traceback to the log."""
    global _main  # noqa: PLW0603
    _main = posix.getpid()
    document = None
    try:
        _prepare_interpreter(orders)
        if orders["kind"] == "function":
            document = b'{"result":' + _result_of(orders) + b"}"
        else:
            with open(INPUT_FILE, "xb") as file:  # noqa: PTH123  # pathlib is slow to import
                file.write(orders["input_json"])
            if orders["kind"] == "shell_file":
                _execute_shell(PACKAGE_DIR + "/" + orders["path"])
            _run_file(PACKAGE_DIR + "/" + orders["path"])
    except SystemExit as error:
        if isinstance(error.code, str):  # else the exit code says it all
            _send(_error_document(error))
        raise
    except BaseException as error:
        try:
            _print_error(error)
        finally:
            _send(_error_document(error))
        sys.exit(1)
    if document is not None:
        _send(document)


def _prepare_interpreter(orders: "dict[str, Any]") -> None:
    """Module paths as the code may expect them, and output that arrives line by line."""
    builtins = sys.modules["builtins"]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[attr-defined]  # what `site` would add
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # With `-I -c` it is the standard library alone.
    sys.path[:0] = orders["paths"]
    if orders["environment"]:
        sys.path.append(ENVIRONMENT_DIR)
        # Only now, as the run's own user: .pth files are code of the packages in there.
        if any(name.endswith(".pth") for name in posix.listdir(ENVIRONMENT_DIR)):
            __import__("site").addsitedir(ENVIRONMENT_DIR)


def _result_of(orders: "dict[str, Any]") -> bytes:
    """Calls the function; its result as JSON."""
    function = _find_function(orders["module"], orders["function"])
    if "logging" in sys.modules:
        _set_log_level(orders["context"]["log_level"])
    arguments, keywords = _bind(function, orders["input"], orders["context"])
    value = function(*arguments, **keywords)
    if hasattr(value, "__await__"):
        value = _await(value)
    try:
        result = _to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ResultError(f"what the function returned is not JSON: {error}") from None
    size, most = len(result), orders["result_bytes"]
    if size > most:
        raise ResultError(
            f"what the function returned is {size:,} bytes of JSON, more than {most:,}"
        )
    return result


def _find_function(module: str, name: str) -> "Callable[..., Any]":
    try:
        __import__(module)
    except ModuleNotFoundError as error:
        # Missing is the module itself (or a parent of it), not one that it imports.
        if error.name is not None and (module + ".").startswith(error.name + "."):
            raise EntryPointError(f"the package has no module {error.name}") from None
        raise  # a fault of the module's own
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise EntryPointError(f"the module {module} has no function {name}")
    return found


def _await(value: "Any") -> "Any":
    """What an asynchronous function comes to."""
    asyncio = __import__("asyncio")

    async def wait() -> "Any":
        return await value

    return asyncio.run(wait())


def _bind(
    function: "Callable[..., Any]", given: "Any", context: "dict[str, Any]"
) -> "tuple[list[Any], dict[str, Any]]":
    """Arguments for what the function asks for. An input that is no object is named `input`."""
    values = given if isinstance(given, dict) else {} if given is None else {"input": given}
    parameters, takes_all = _parameters(function)
    arguments: list[Any] = []
    keywords: dict[str, Any] = dict(values) if takes_all else {}
    missing: list[str] = []
    for name, positional, default in parameters:
        value = Context(context, input=given) if name == "context" else values.get(name, _MISSING)
        if value is _MISSING and default is _MISSING:
            missing.append(name)
        elif positional:
            keywords.pop(name, None)
            arguments.append(default if value is _MISSING else value)
        elif value is not _MISSING:
            keywords[name] = value
    if missing:
        raise InputError("the function needs the input " + ", ".join(repr(n) for n in missing))
    return arguments, keywords


def _parameters(function: "Callable[..., Any]") -> "tuple[list[tuple[str, bool, Any]], bool]":
    """(name, only by position, default) of each parameter, and whether `**` takes all others."""
    pretends = hasattr(function, "__wrapped__") or hasattr(function, "__signature__")
    if pretends or type(function) is not type(_parameters):
        return _signature(function)
    code = function.__code__
    count, only_positional = code.co_argcount, code.co_posonlyargcount
    defaults = function.__defaults__ or ()
    by_keyword = function.__kwdefaults__ or {}
    padded = (_MISSING,) * (count - len(defaults)) + defaults
    found = [
        (name, index < only_positional, padded[index])
        for index, name in enumerate(code.co_varnames[:count])
    ]
    for name in code.co_varnames[count : count + code.co_kwonlyargcount]:
        found.append((name, False, by_keyword.get(name, _MISSING)))
    return found, bool(code.co_flags & 0x08)


def _signature(function: "Callable[..., Any]") -> "tuple[list[tuple[str, bool, Any]], bool]":
    """The same for what is no plain function (a decorated one, a class, a callable object)."""
    inspect = __import__("inspect")
    found: list[tuple[str, bool, Any]] = []
    takes_all = False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_all = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            default = _MISSING if parameter.default is parameter.empty else parameter.default
            found.append((name, parameter.kind is parameter.POSITIONAL_ONLY, default))
    return found, takes_all


def _set_log_level(level: str) -> None:
    """Shows records from `level` on for code that configures no logging; it still may."""
    logging = sys.modules["logging"]
    number = getattr(logging, level.upper(), None)
    if isinstance(number, int) and logging.lastResort is not None:
        if logging.root.level == logging.WARNING:  # untouched
            logging.root.setLevel(number)
        logging.lastResort.setLevel(number)
        logging.lastResort.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))


def _to_json(value: "Any") -> bytes:
    """Compact UTF-8 JSON. Raises ValueError for NaN and lone surrogates, TypeError for no JSON."""
    if value is None:
        return b"null"
    try:
        accelerator = __import__("_json")  # the half of `json` that is quick to import
        encode = accelerator.make_encoder(
            {}, _refuse, accelerator.encode_basestring, None, ":", ",", False, False, False
        )
    except (ImportError, AttributeError, TypeError):  # another interpreter, or another version
        json = __import__("json")
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    return "".join(encode(value, 0)).encode()


def _refuse(value: object) -> "NoReturn":
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def _run_file(path: str) -> None:
    """Runs a script as the interpreter would: `__main__`, its folder first in the module path."""
    code = compile(_read_member(path), path, "exec", dont_inherit=True)
    folder = path.rpartition("/")[0]
    if folder != PACKAGE_DIR:
        sys.path.insert(0, folder)
    sys.argv = [path]
    module = type(sys)("__main__")
    module.__file__ = path
    module.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = module
    exec(code, module.__dict__)  # noqa: S102  # the very purpose


def _execute_shell(path: str) -> "NoReturn":
    """Becomes the script's interpreter; the run's end is then that program's end."""
    line = _read_member(path, 256).split(b"\n", 1)[0]
    words = line[2:].decode("utf-8", "replace").strip().split(None, 1) if line[:2] == b"#!" else []
    arguments = [*(words or ["/bin/sh"]), path]
    signals = __import__("_signal")
    for number in (signals.SIGPIPE, signals.SIGXFSZ):
        signals.signal(number, signals.SIG_DFL)  # Python ignores them, and programs inherit that
    try:
        posix.execv(arguments[0], arguments)
    except OSError as error:
        raise EntryPointError(f"{arguments[0]} does not start: {error.strerror}") from None


def _read_member(path: str, size: int = -1) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(size)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise EntryPointError(f"the package has no file {path[len(PACKAGE_DIR) + 1 :]}") from None


def _print_error(error: BaseException) -> None:
    """The traceback, from the package's first line on; this program's errors have none."""
    trace: TracebackType | None = error.__traceback__
    if isinstance(error, (InputError, EntryPointError, ResultError)):
        trace = None
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(PACKAGE_DIR):
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.stdout.flush()
    sys.excepthook(type(error), error, trace)
    sys.stderr.flush()


def _error_document(error: BaseException) -> bytes:
    try:
        text = str(error)
    except Exception:  # an exception whose text raises: only its type is left to say
        text = ""
    text = text[:ERROR_CHARACTERS].encode("utf-8", "replace").decode()
    bad_result = isinstance(error, ResultError)
    name = type(error).__name__
    return _to_json({"error_type": name, "error": text, "bad_result": bad_result})


def _send(document: bytes) -> None:
    """To the host, in messages. Ends the process with 1 where the code closed the way there.

    A child that the code forked and that came back up to here has nothing to say.
    """
    if posix.getpid() != _main:
        return
    room = MESSAGE_BYTES - 1
    parts = [document[i : i + room] for i in range(0, len(document), room)]
    try:
        for part in parts[:-1]:
            posix.write(_control, RESULT_PART + part)
        posix.write(_control, RESULT_END + parts[-1])
    except OSError as error:
        print("the result could not be handed over:", error, file=sys.stderr)  # noqa: T201
        sys.exit(1)
