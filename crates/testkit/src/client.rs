//! A plain HTTP client for tests: one request, one bounded answer, no retries, errors that name the address.

use std::time::Duration;

use anyhow::{Context, Result};

/// What came back, whatever the status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {:.200}", self.body))
    }
}

/// GET with a total deadline.
pub fn get(url: &str, deadline: Duration) -> Result<Answer> {
    request("GET", url, &[], deadline)
}

/// Any method without a body, with extra headers.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], deadline: Duration) -> Result<Answer> {
    send(method, url, headers, "", deadline)
}

/// POST with a body.
pub fn post(url: &str, headers: &[(&str, &str)], body: &str, deadline: Duration) -> Result<Answer> {
    send("POST", url, headers, body, deadline)
}

/// Any method, with a body.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str, deadline: Duration) -> Result<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(deadline))
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let wrong = || format!("cannot form a request to {url}");
    let sent = if body.is_empty() {
        agent.run(request.body(()).with_context(wrong)?)
    } else {
        agent.run(request.body(body).with_context(wrong)?)
    };
    let mut response = sent.with_context(|| format!("{method} {url}"))?;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("body of {method} {url}"))?;
    Ok(Answer { status, headers, body })
}
