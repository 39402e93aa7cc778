"""A headless Chromium, the server that it gets the pages from, and the faults
that were found with them."""
import functools
import http.server
import shutil
import socket
import sys
import threading

try:
    from selenium import webdriver
    from selenium.common.exceptions import NoAlertPresentException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError:
    webdriver = None

SKIPPED = 77
faults = []


def expect(holds, *words):
    if not holds:
        faults.append(" ".join(str(word) for word in words))
        print("FAIL:", faults[-1][:600], flush=True)


def skip(why):
    print("SKIPPED:", why)
    sys.exit(SKIPPED)


class Server(http.server.ThreadingHTTPServer):
    """The pages, and whatever else they ask for, which must be nothing."""
    def __init__(self, folder):
        self.asked = []
        handler = functools.partial(Handler, directory=str(folder))
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format, *args):
        pass


def start():
    """The browser, or the end of the test."""
    if webdriver is None:
        skip("python3-selenium is not installed")
    driver = shutil.which("chromedriver")
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if not driver or not binary:
        skip("chromium or chromedriver is not installed")
    try:
        socket.gethostbyname("localhost")
    except OSError:
        skip("localhost has no address here (a bare chroot without /etc/hosts)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    return webdriver.Chrome(service=Service(driver), options=options)


class Browser:
    def __init__(self, driver, server):
        self.driver, self.server = driver, server
        self.run = driver.execute_script

    def cdp(self, command, **words):
        return self.driver.execute_cdp_cmd(command, words)

    def look(self, width, scheme="light", script=True):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=False)
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])
        self.cdp("Emulation.setScriptExecutionDisabled", value=not script)

    def open(self, name):
        """Loads a page; it may say nothing, ask for nothing, and not alert."""
        self.server.asked.clear()
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(self.server.url(name))
        try:
            expect(False, name, "alert:", self.driver.switch_to.alert.text)
            self.driver.switch_to.alert.dismiss()
        except NoAlertPresentException:
            pass
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        expect(said == [], name, "console:", said)
        expect(self.server.asked == ["/" + name], name, "asked for",
               self.server.asked)
        outside = self.run("return performance.getEntriesByType('resource')"
                           ".map(e => e.name).filter(n => n !== 'data:,')")
        expect(outside == [], name, "loaded", outside)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)
