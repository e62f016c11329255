"""A worker is killed while it takes invoices from Chorus Pro; another takes over once its lease has ended."""

import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from api.context import Context
from api.sandbox import invoices
from api.settings import ROOT
from tests.chorus_scene import at_once, connect, copies, levers_of, notices, work
from tests.factories import make_buyer
from tests.procurement.invoicing.samples import DRAFT

TOTAL = 40


def test_nothing_is_lost_and_nothing_is_twice(context: Context, tmp_path: Path) -> None:
    buyer, portal, sample = make_buyer(context.database), levers_of(context), invoices.cii(DRAFT)
    sent = set()
    for rank in range(TOTAL):
        number = f"K-{buyer.ref}-{rank:02d}"
        content = base64.b64encode(sample.replace(DRAFT.number.encode(), number[-16:].encode())).decode()
        sent.add(str(portal("depose", buyer=buyer.siret, number=number, content=content)["idFacture"]))
    connect(context, buyer)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.cli import main; main()"
    settings = {
        "PATH": os.environ["PATH"], "MPS_DATABASE_URL": context.settings.database_url,
        "MPS_STORAGE_URL": context.settings.storage_url, "MPS_SECRET_KEY": context.secret,
        "MPS_API_ENTREPRISE_URL": context.services["api_entreprise"], "MPS_CHORUS_URL": context.services["chorus"],
        "MPS_CHORUS_TOKEN_URL": context.services["chorus_token"],
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(ROOT), "worker"], env=settings, cwd=tmp_path, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    limit = time.monotonic() + 90
    while len(copies(context)) < 3:
        assert child.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < limit, (tmp_path / "log").read_text()
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    assert 3 <= len(copies(context)) < TOTAL
    work(context)
    at_once(context)
    work(context)
    found = [copy.portal_id for copy in copies(context)]
    assert len(found) == len(set(found)) == TOTAL
    assert set(found) == sent
    assert all(notice.copy_id is not None and notice.problem == "" for notice in notices(context))
