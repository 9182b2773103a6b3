"""One person at the app without a browser: the server's own messages over a websocket, as a browser exchanges them.

Twenty browsers weigh more than the server they look at; twenty of these do not. The server works as it does for a
browser: it draws the whole page and sends every figure and every table. What is not measured is the drawing itself.
Nothing needs to be installed beyond what the app needs.
"""

from __future__ import annotations

import io
import random
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

TOUCHED = ("selectbox", "radio", "button_group", "checkbox", "slider", "tab_container", "pagination")
"""Kinds of widgets that change what is shown and nothing else."""

LONGEST = 180.0
"""Seconds after which a page that has not been drawn counts as an error."""


@dataclass
class Drawn:
    """What came of one look at a page."""

    seconds: float = 0.0
    """From asking until the server had drawn everything."""
    n_bytes: int = 0
    """Size of everything that was sent."""
    most_rows: int = 0
    """Rows of the largest table that was sent."""
    title: str = ""
    """The page's heading."""
    errors: list[str] = field(default_factory=list)
    """Error boxes, tracebacks, pages that are not there, connections that broke."""
    widgets: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """Kind and description of every widget outside the sidebar, by its id."""
    texts: list[str] = field(default_factory=list)
    """Paragraphs and messages in boxes."""

    def widget(self, key: str) -> str | None:
        """Id of the widget with that key, or None when the page has none."""
        return next((own for own in self.widgets if own.endswith(f"-{key}")), None)


class Visitor:
    """A session of one person; use it as a context."""

    def __init__(self, address: str, workspace: str) -> None:
        self._address = address
        self._query = {"workspace": workspace}
        self._page = ""
        self._session_id = ""
        self._states: dict[str, WidgetState] = {}
        self.drawn = Drawn()
        """The page as it stands."""
        self._socket = self._connected()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _connected(self) -> ClientConnection:
        return connect(
            f"{self._address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            open_timeout=60,
            ping_interval=None,
        )

    def open(self, page: str, **query: str) -> Drawn:
        """Go to a page by its address, as a link does; to the page that is open, as loading it anew does."""
        if page == self._page and self.drawn.title:
            self._socket.close()
            self._socket = self._connected()
        self._page, self._states = page, {}
        self._query = {"workspace": self._query["workspace"]} | query
        return self._run(None)

    def look_again(self) -> Drawn:
        """The same page once more, as after a click that changed nothing."""
        return self._run(None)

    def press(self, key: str) -> Drawn:
        """Press the button with that key; an error when the page has none or it cannot be pressed."""
        own = self.drawn.widget(key)
        if own is None or self.drawn.widgets[own][1].disabled:
            self.drawn.errors.append(f"there is no button {key!r} to press")
            return self.drawn
        return self._run(WidgetState(id=own, trigger_value=True))

    def touch(self, chance: random.Random) -> Drawn | None:
        """Change one of the widgets that only change what is shown; None when there is none."""
        offered = [state for own, (kind, proto) in self.drawn.widgets.items() for state in _others(own, kind, proto)]
        return self._run(chance.choice(offered)) if offered else None

    def upload(self, name: str, content: bytes) -> Drawn:
        """Hand a file to the page's uploader."""
        own = next((own for own, (kind, _) in self.drawn.widgets.items() if kind == "file_uploader"), None)
        if own is None:
            self.drawn.errors.append("there is no uploader")
            return self.drawn
        asked = BackMsg()
        asked.file_urls_request.request_id = "1"
        asked.file_urls_request.file_names.append(name)
        asked.file_urls_request.session_id = self._session_id
        self._socket.send(asked.SerializeToString())
        urls = next(message for message in self._messages() if message.WhichOneof("type") == "file_urls_response")
        [place] = urls.file_urls_response.file_urls
        self._put(place.upload_url, name, content)
        state = WidgetState(id=own)
        known = state.file_uploader_state_value.uploaded_file_info.add()
        known.name, known.size, known.file_id = name, len(content), place.file_id
        known.file_urls.CopyFrom(place)
        return self._run(state)

    def _put(self, url: str, name: str, content: bytes) -> None:
        body = io.BytesIO()
        body.write(f'--part\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode())
        body.write(content + b"\r\n--part--\r\n")
        request = urllib.request.Request(
            f"{self._address}{url}",
            data=body.getvalue(),
            method="PUT",
            headers={"Content-Type": "multipart/form-data; boundary=part"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    def _run(self, changed: WidgetState | None) -> Drawn:
        """Ask for the page with the widgets as they stand, and read until it is drawn."""
        asked = BackMsg()
        asked.rerun_script.page_name = self._page
        asked.rerun_script.query_string = urlencode(self._query)
        states = dict(self._states)
        if changed is not None:
            states[changed.id] = changed
            if changed.WhichOneof("value") != "trigger_value":
                self._states[changed.id] = changed
        asked.rerun_script.widget_states.widgets.extend(states.values())
        self.drawn = drawn = Drawn()
        began = time.perf_counter()
        try:
            self._socket.send(asked.SerializeToString())
            for message in self._messages():
                if self._is_the_end(message, drawn):
                    break
        except (TimeoutError, WebSocketException, OSError) as error:
            drawn.errors.append(f"{type(error).__name__}: {error}".rstrip(": "))
        drawn.seconds = time.perf_counter() - began
        return drawn

    def _messages(self) -> Iterator[ForwardMsg]:
        deadline = time.monotonic() + LONGEST
        while True:
            received = self._socket.recv(timeout=max(deadline - time.monotonic(), 0.1))
            self.drawn.n_bytes += len(received)
            message = ForwardMsg()
            message.ParseFromString(received if isinstance(received, bytes) else received.encode())
            yield message

    def _is_the_end(self, message: ForwardMsg, drawn: Drawn) -> bool:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session_id = message.new_session.initialize.session_id or self._session_id
            drawn.widgets, drawn.errors, drawn.texts = {}, [], []
        elif kind == "page_not_found":
            drawn.errors.append("page not found")
        elif kind == "page_info_changed":
            self._query |= dict(parse_qsl(message.page_info_changed.query_string))
        elif kind == "delta":
            take_in(drawn, message)
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                drawn.errors.append("the page's script does not compile")
            return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False


def take_in(drawn: Drawn, message: ForwardMsg) -> None:
    """Remember what a message puts on the page."""
    in_sidebar = bool(message.metadata.delta_path) and message.metadata.delta_path[0] == 1
    if message.delta.WhichOneof("type") == "add_block":
        block = message.delta.add_block
        if block.WhichOneof("type") == "tab_container" and block.tab_container.id:
            drawn.widgets[block.tab_container.id] = ("tab_container", _Tabs(place=list(message.metadata.delta_path)))
        elif block.WhichOneof("type") == "tab":
            _add_tab(drawn, list(message.metadata.delta_path), block.tab.label)
        return
    element = message.delta.new_element
    kind = element.WhichOneof("type") or ""
    proto = getattr(element, kind, None)
    if kind == "exception":
        drawn.errors.append(f"{proto.type}: {proto.message}")
    elif kind == "alert" and proto.format == Alert.ERROR:
        drawn.errors.append(proto.body)
    elif kind == "alert" or kind == "markdown":
        drawn.texts.append(proto.body)
    elif kind == "heading" and proto.tag == "h1":
        drawn.title = proto.body
    elif kind == "dataframe" and proto.arrow_data.data:
        drawn.most_rows = max(drawn.most_rows, n_rows_of(proto.arrow_data.data))
    if not in_sidebar and getattr(proto, "id", ""):
        drawn.widgets[proto.id] = (kind, proto)


@dataclass
class _Tabs:
    """Tabs and their labels, which come one by one."""

    place: list[int]
    options: list[str] = field(default_factory=list)
    disabled: bool = False
    form_id: str = ""


def _add_tab(drawn: Drawn, place: list[int], label: str) -> None:
    for kind, tabs in drawn.widgets.values():
        if kind == "tab_container" and tabs.place == place[:-1]:
            tabs.options.append(label)


def n_rows_of(data: bytes) -> int:
    """Rows of a table as it is sent."""
    import pyarrow as pa

    return int(pa.ipc.open_stream(data).read_all().num_rows)


def _others(own: str, kind: str, proto: Any) -> list[WidgetState]:
    """What a widget could be changed to, a few choices of each."""
    if kind not in TOUCHED or proto.disabled or proto.form_id:
        return []
    if kind in {"selectbox", "radio", "tab_container"}:
        return [WidgetState(id=own, string_value=label) for label in proto.options[:6]]
    if kind == "button_group":
        return [_strings(own, option.content) for option in proto.options[:6]]
    if kind == "checkbox":
        return [WidgetState(id=own, bool_value=not proto.default)]
    if kind == "pagination":
        return [WidgetState(id=own, int_value=min(2, proto.num_pages))]
    return [_numbers(own, [proto.min] if len(proto.default) == 1 else [proto.min, proto.max])]


def _strings(own: str, value: str) -> WidgetState:
    state = WidgetState(id=own)
    state.string_array_value.data.append(value)
    return state


def _numbers(own: str, values: list[float]) -> WidgetState:
    state = WidgetState(id=own)
    state.double_array_value.data.extend(values)
    return state
