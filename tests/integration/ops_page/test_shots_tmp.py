import threading
from dataclasses import replace
import os, time
from werkzeug.serving import make_server
from playwright.sync_api import sync_playwright
from tests.support.chromium import find_chromium
from tests.support.core import running_core
from tests.integration.ops_page.scene import set_scene
from datetime import timedelta
import pytest

pytestmark = pytest.mark.postgres


def test_shots(app, desk, database_url, simulator):
    with running_core(database_url, simulator) as core:
        scene = set_scene(core)
        desk.read_owed()
        desk.history.sample()
        from service.usecases.operations.lag_history import Sample
        import math

        last = desk.history._samples[-1]
        desk.history._samples.clear()
        for n in range(200):
            desk.history._samples.append(
                Sample(
                    last.at - timedelta(seconds=15 * (200 - n)),
                    3,
                    max(0, 20 * math.sin(n / 20) + (60 if 90 < n < 110 else 2)),
                )
            )
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        c = find_chromium()
        with sync_playwright() as p:
            b = p.chromium.launch(executable_path=c.program, args=c.arguments, env={**os.environ, **c.environment})
            for name, opts in {
                "light": {},
                "dark": {"color_scheme": "dark"},
                "phone": {"viewport": {"width": 360, "height": 740}},
            }.items():
                ctx = b.new_context(**{"viewport": {"width": 1200, "height": 800}, **opts})
                pg = ctx.new_page()
                pg.on("console", lambda m: print("CONSOLE", m.text))
                pg.goto(base + "/ops")
                pg.screenshot(path=f"/tmp/pg/{name}-login.png")
                pg.fill("#token", "letmein")
                pg.click("text=Log in")
                for v, u in {
                    "overview": "/ops",
                    "payment": f"/ops/payments/{scene.released}",
                    "payments": "/ops/payments",
                    "letters": "/ops/dead-letters",
                    "relay": "/ops/relay",
                    "letter": f"/ops/dead-letters/{scene.letters[1]}",
                    "commands": "/ops/commands",
                }.items():
                    pg.goto(base + u)
                    pg.screenshot(path=f"/tmp/pg/{name}-{v}.png", full_page=True)
                    print(name, v, pg.evaluate("document.documentElement.scrollWidth"), pg.title())
                from axe_playwright_python.sync_playwright import Axe

                r = Axe().run(pg)
                print(r.violations_count, r.generate_snapshot())
                ctx.close()
            b.close()
        server.shutdown()
