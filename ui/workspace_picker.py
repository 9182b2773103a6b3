"""The workspace picker in the sidebar: switch, create, rename, delete.

A frame block rather than a page: every page stands in a workspace. Each action runs in a callback, before
anything is drawn, so that the page below already sees its outcome.
"""

from __future__ import annotations

import streamlit as st

from churn_core.errors import unknown_name
from churn_core.workspaces import create_workspace, delete_workspace, rename_workspace
from ui import session
from ui.errors import guarded, plain, show_callback_error

FIRST_PAGE = "pages/data/import_file.py"
"""Where a workspace without data begins."""
_LAST = "last_workspace"
"""The workspace this visit looked at last; the address may forget it when the browser goes back."""

_CREATED = "workspace_created"
"""Set when a workspace was created just now: its visitor goes on to the first page."""

_NEW, _RENAMED, _TYPED = "new_workspace_name", "renamed_workspace_name", "typed_workspace_name"


def workspace_picker() -> None:
    """Draw the picker and settle which workspace this visit looks at."""
    names = session.workspace_names()
    unknown = _settle(names)
    if not names:
        return
    with st.sidebar:
        chosen = st.selectbox(
            "Workspace",
            names,
            index=None,
            key=session.WORKSPACE,
            bind="query-params",
            required=True,
            label_visibility="collapsed",
            icon=":material/storefront:",
        )
        with st.container(horizontal=True, gap="small"):
            if st.button("New", key="open_new_workspace", type="tertiary"):
                _new_dialog()
            if st.button("Rename", key="open_rename_workspace", type="tertiary"):
                _rename_dialog()
            if st.button("Delete", key="open_delete_workspace", type="tertiary"):
                _delete_dialog()
    if unknown:
        raise unknown_name("workspace", unknown, names)
    if chosen:
        st.session_state[_LAST] = chosen
        if st.session_state.pop(_CREATED, False):
            st.switch_page(FIRST_PAGE, query_params={})
    elif st.session_state.get(_LAST) in names:
        st.rerun()  # the browser went back to an address that names no workspace: settle again


def new_workspace_form(label: str = "Create workspace") -> bool:
    """The form that creates a workspace and switches to it; whether it was sent just now."""
    with st.form("new_workspace", border=False):
        st.text_input("Name of your business or shop", key=_NEW, max_chars=60, placeholder="Tea & Things")
        return st.form_submit_button(label, type="primary", on_click=guarded(_create))


def _settle(names: list[str]) -> str | None:
    """Choose a workspace when none is chosen, or the chosen one is gone.

    The name in the address when it names a workspace that does not exist and the visit has no other.
    """
    chosen, last = st.session_state.get(session.WORKSPACE), st.session_state.get(_LAST)
    asked_for = st.query_params.get(session.WORKSPACE)
    if chosen in names or (chosen is None and asked_for in names):
        return None
    if asked_for and names and chosen is None and last is None:
        return asked_for
    st.session_state[session.WORKSPACE] = last if last in names else session.first_workspace(names)
    return None


@st.dialog("New workspace")
def _new_dialog() -> None:
    st.caption("One workspace holds one business: its data, its settings and its models, in one file on this machine.")
    _close_when_done(new_workspace_form("Create"))


@st.dialog("Rename workspace")
def _rename_dialog() -> None:
    name = session.current_workspace()
    with st.form("rename_workspace", border=False):
        st.text_input("New name", value=name, key=_RENAMED, max_chars=60)
        sent = st.form_submit_button("Rename", type="primary", on_click=guarded(_rename), args=(name,))
    _close_when_done(sent)


@st.dialog("Delete workspace")
def _delete_dialog() -> None:
    name = session.current_workspace()
    st.markdown(
        f"This deletes **{plain(name)}** with all its data, settings and models. It cannot be undone. "
        "Type its name to confirm."
    )
    with st.form("delete_workspace", border=False):
        st.text_input("Name of the workspace", key=_TYPED)
        sent = st.form_submit_button("Delete for good", type="primary", on_click=guarded(_delete), args=(name,))
    _close_when_done(sent)


def _close_when_done(sent: bool) -> None:
    """Close the dialog after its action went well; else the dialog says what was wrong."""
    if sent and not show_callback_error():
        st.rerun()


def _create() -> None:
    name = st.session_state[_NEW].strip()
    create_workspace(name)
    st.session_state[session.WORKSPACE] = name
    st.session_state[_CREATED] = True


def _rename(name: str) -> None:
    new_name = st.session_state[_RENAMED].strip()
    if new_name != name:
        session.release(name)
        rename_workspace(name, new_name)
        st.session_state[session.WORKSPACE] = new_name


def _delete(name: str) -> None:
    typed = st.session_state[_TYPED]
    if typed == name:
        session.release(name)
    delete_workspace(name, typed_name=typed)
    st.session_state[session.WORKSPACE] = session.first_workspace(session.workspace_names())
