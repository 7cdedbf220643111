//! A page, and the person before it: opens, types, clicks, and sees what a person and the browser's own console see.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::protocol::{Connection, PATIENCE};
use crate::wait::wait_for;

/// What the browser was answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub address: String,
    pub status: u16,
    /// `Document`, `Stylesheet`, `Script` …
    pub kind: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Exchange {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
pub struct Page {
    connection: Arc<Connection>,
    context: String,
    session: String,
    frame: String,
}

impl Page {
    pub(super) fn new(connection: &Arc<Connection>) -> Result<Self> {
        let call = |method: &str, parameters: Value| connection.call(None, method, &parameters);
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no identifier");
        let context = text(&call("Target.createBrowserContext", json!({}))?["browserContextId"])?;
        let target = call(
            "Target.createTarget",
            json!({ "url": "about:blank", "browserContextId": context }),
        )?;
        let target = text(&target["targetId"])?;
        let attached = call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }))?;
        let page = Self {
            connection: Arc::clone(connection),
            context,
            session: text(&attached["sessionId"])?,
            // The main frame has the page's own name.
            frame: target,
        };
        for domain in ["Page", "Network", "Runtime", "Log", "Audits"] {
            page.call(&format!("{domain}.enable"), &json!({}))?;
        }
        page.call("Page.setLifecycleEventsEnabled", &json!({ "enabled": true }))?;
        Ok(page)
    }

    /// Speaks the protocol itself, for what has no method here.
    pub fn call(&self, method: &str, parameters: &Value) -> Result<Value> {
        self.connection.call(Some(&self.session), method, parameters)
    }

    /// Types an address; ends when the page is there, whatever its status.
    pub fn open(&self, address: &str) -> Result<()> {
        let before = self.loads();
        let answer = self.call("Page.navigate", &json!({ "url": address }))?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("{address}: {error}");
        }
        self.loaded(address, before)
    }

    /// Clicks on what leads to another page; ends when that is there.
    pub fn follow(&self, selector: &str) -> Result<()> {
        let before = self.loads();
        self.click(selector)?;
        self.loaded(selector, before)
    }

    /// With the mouse, in its middle: what is covered or hidden cannot be clicked on.
    pub fn click(&self, selector: &str) -> Result<()> {
        let quoted = serde_json::to_string(selector)?;
        let script = format!(
            "(() => {{ const it = document.querySelector({quoted}); if (!it) return 'is not there';
              it.scrollIntoView({{ block: 'center', behavior: 'instant' }});
              const box = it.getBoundingClientRect(); const x = box.x + box.width / 2, y = box.y + box.height / 2;
              const top = document.elementFromPoint(x, y);
              return top && (it.contains(top) || top.contains(it)) ? [x, y] : 'is hidden'; }})()"
        );
        let (place, _) = wait_for(&format!("a click on {selector}"), PATIENCE, || {
            match self.evaluate(&script) {
                Ok(Value::Array(place)) => Ok(place),
                Ok(trouble) => Err(trouble.to_string()),
                Err(error) => Err(format!("{error:#}")),
            }
        })?;
        for kind in ["mousePressed", "mouseReleased"] {
            self.call(
                "Input.dispatchMouseEvent",
                &json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 }),
            )?;
        }
        Ok(())
    }

    /// Types into a field, in the place of what stood there.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.click(selector)?;
        let quoted = serde_json::to_string(selector)?;
        let focused = self.evaluate(&format!(
            "(() => {{ const it = document.querySelector({quoted}); it.select(); return document.activeElement === it; }})()"
        ))?;
        ensure!(focused == true, "{selector} does not take what is typed");
        self.call("Input.insertText", &json!({ "text": text }))?;
        Ok(())
    }

    /// The value of an expression, awaited where it is a promise.
    pub fn evaluate(&self, expression: &str) -> Result<Value> {
        let answer = self.call(
            "Runtime.evaluate",
            &json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        )?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{expression:.200}: {exception}");
        }
        Ok(answer["result"]["value"].clone())
    }

    pub fn address(&self) -> Result<String> {
        Ok(self.evaluate("location.href")?.as_str().unwrap_or_default().to_owned())
    }

    /// What can be read on the page.
    pub fn text(&self) -> Result<String> {
        let text = self.evaluate("document.body.innerText")?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    pub fn shows(&self, selector: &str) -> Result<bool> {
        let quoted = serde_json::to_string(selector)?;
        Ok(self.evaluate(&format!("document.querySelector({quoted}) !== null"))? == true)
    }

    /// The status of the page itself.
    pub fn status(&self) -> Result<u16> {
        let exchanges = self.exchanges();
        let page = exchanges.iter().rfind(|exchange| exchange.kind == "Document");
        Ok(page.context("no page was opened")?.status)
    }

    /// Everything that was answered, in order; redirects are not among it.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let events = self.events("Network.responseReceived");
        events
            .iter()
            .map(|parameters| {
                let response = &parameters["response"];
                let headers = response["headers"].as_object().cloned().unwrap_or_default();
                Exchange {
                    address: response["url"].as_str().unwrap_or_default().to_owned(),
                    status: response["status"]
                        .as_u64()
                        .and_then(|status| status.try_into().ok())
                        .unwrap_or(0),
                    kind: parameters["type"].as_str().unwrap_or_default().to_owned(),
                    headers: headers
                        .iter()
                        .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap_or_default().to_owned()))
                        .collect(),
                }
            })
            .collect()
    }

    /// What a developer would see in red: errors and warnings of the console, exceptions, whatever a policy forbade, parts that did not
    /// come.  That a page itself has an error's status is no trouble: whoever opens it asks for [`Self::status`].
    pub fn troubles(&self) -> Vec<String> {
        let exchanges = self.exchanges();
        let is_page = |address: &str| {
            exchanges
                .iter()
                .any(|it| it.kind == "Document" && it.address == address)
        };
        let mut troubles = Vec::new();
        for entry in self.events("Log.entryAdded") {
            let entry = &entry["entry"];
            let of_page = entry["source"] == "network" && is_page(entry["url"].as_str().unwrap_or_default());
            if matches!(entry["level"].as_str(), Some("error" | "warning")) && !of_page {
                troubles.push(format!("{} {}", entry["text"], entry["url"]));
            }
        }
        for said in self.events("Runtime.consoleAPICalled") {
            if matches!(said["type"].as_str(), Some("error" | "warning" | "assert")) {
                troubles.push(said["args"].to_string());
            }
        }
        troubles.extend(self.events("Runtime.exceptionThrown").iter().map(Value::to_string));
        for issue in self.events("Audits.issueAdded") {
            if issue["issue"]["code"] == "ContentSecurityPolicyIssue" {
                troubles.push(issue["issue"].to_string());
            }
        }
        for exchange in &exchanges {
            if exchange.kind != "Document" && exchange.status >= 400 {
                troubles.push(format!("{} {}", exchange.status, exchange.address));
            }
        }
        troubles
    }

    /// The PNG of what is seen.
    pub fn picture(&self) -> Result<String> {
        let answer = self.call("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }))?;
        Ok(answer["data"].as_str().context("no picture")?.to_owned())
    }

    /// The cookies of this person: name and value.
    pub fn cookies(&self) -> Result<Vec<(String, String)>> {
        let answer = self
            .connection
            .call(None, "Storage.getCookies", &json!({ "browserContextId": self.context }))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cookies = answer["cookies"].as_array().context("no cookies")?;
        Ok(cookies
            .iter()
            .map(|cookie| (text(&cookie["name"]), text(&cookie["value"])))
            .collect())
    }

    fn events(&self, method: &str) -> Vec<Value> {
        let events = self.connection.events(&self.session).into_iter();
        events
            .filter(|event| event["method"] == method)
            .map(|mut event| event["params"].take())
            .collect()
    }

    fn loads(&self) -> usize {
        count_loads(&self.connection.events(&self.session), &self.frame)
    }

    fn loaded(&self, what: &str, before: usize) -> Result<()> {
        let what = format!("the page after {what}");
        self.connection.wait(&what, &self.session, |events| {
            (count_loads(events, &self.frame) > before).then_some(())
        })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let context = json!({ "browserContextId": self.context });
        drop(self.connection.call(None, "Target.disposeBrowserContext", &context));
    }
}

fn count_loads(events: &[Value], frame: &str) -> usize {
    let is_load = |event: &&Value| {
        let parameters = &event["params"];
        event["method"] == "Page.lifecycleEvent" && parameters["name"] == "load" && parameters["frameId"] == frame
    };
    events.iter().filter(is_load).count()
}
