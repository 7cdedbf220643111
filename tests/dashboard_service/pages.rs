//! What is served: the route table, the headers, both languages, links that lead somewhere, the document for programs, the metrics.

use std::collections::BTreeSet;

use crate::Stage;
use crate::browser::{get, request};

#[tokio::test]
async fn the_route_table() {
    let stage = Stage::start().await;
    stage.all_well().await;
    for (method, path, expected) in [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/?lang=xx&theme=%00&lang", 200),
        ("GET", "/api/v1/status", 200),
        ("HEAD", "/api/v1/status", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/qclock/snapshot", 200),
        ("GET", "/qclock/assets/dashboard.css", 404),
        ("GET", "/qclock/assets/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/qclock/assets/", 404),
        ("GET", "/qclock", 404),
        ("GET", "/api/v1/other", 404),
        ("GET", "/server-status", 404),
        ("GET", "//", 404),
        ("POST", "/", 405),
        ("POST", "/api/v1/status", 405),
        ("DELETE", "/healthz", 405),
        ("OPTIONS", "/metrics", 405),
    ] {
        let answer = request(stage.address(), method, path, &[]).await;
        assert_eq!(answer.status, expected, "{method} {path}");
        assert_eq!(answer.body.is_empty(), method == "HEAD", "{method} {path}");
        if expected == 405 {
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {path}");
        }
    }
    assert_eq!(get(stage.address(), "/api/v1/other").await.json()["error"], "not_found");
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let stage = Stage::start().await;
    for path in [
        "/",
        "/nowhere",
        "/api/v1/status",
        "/healthz",
        "/metrics",
        "/qclock/snapshot",
    ] {
        let answer = get(stage.address(), path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("strict-transport-security"), None);
        assert_eq!(answer.header("server"), None);
    }
    let answer = request(stage.address(), "GET", "/", &[("X-Forwarded-Proto", "https")]).await;
    assert!(answer.header("strict-transport-security").is_some());
}

#[tokio::test]
async fn the_page_keeps_its_own_policy() {
    let stage = Stage::start().await;
    for path in ["/", "/nowhere"] {
        let page = get(stage.address(), path).await.body;
        for forbidden in [
            " style=",
            "<style",
            "javascript:",
            " onclick",
            " onload",
            "http://",
            "https://",
            "data:",
        ] {
            assert!(!page.contains(forbidden), "{path} has {forbidden}");
        }
        assert!(page.matches("<script").count() <= 1, "{path}");
    }
}

#[tokio::test]
async fn both_languages_are_whole() {
    let stage = Stage::start().await;
    stage.all_well().await;
    let address = stage.address();
    let french = request(address, "GET", "/", &[("Accept-Language", "fr-CD,fr;q=0.9,en;q=0.5")]).await;
    assert!(french.body.contains("<html lang=\"fr\"") && french.body.contains("Tout est opérationnel"));
    assert!(french.body.contains("variante d'évaluation") || french.body.contains("variante d&#39;évaluation"));
    let english = get(address, "/").await;
    assert!(english.body.contains("<html lang=\"en\"") && english.body.contains("All operational"));
    assert!(english.body.contains("evaluation flavour"));
    for word in ["Depuis", "Vérifié", "Données", "Latence", "occupé"] {
        assert!(french.body.contains(word) && !english.body.contains(word), "{word}");
    }
    let chosen = request(address, "GET", "/?lang=fr&theme=light", &[("Accept-Language", "en")]).await;
    assert!(chosen.body.contains("<html lang=\"fr\" data-theme=\"light\""));
    let cookies: Vec<&str> = chosen
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.as_str())
        .collect();
    assert!(
        cookies.len() == 2 && cookies.iter().all(|cookie| cookie.contains("SameSite=Lax")),
        "{cookies:?}"
    );
    let kept = request(address, "GET", "/", &[("Cookie", "qclock_lang=fr; qclock_theme=dark")]).await;
    assert!(kept.body.contains("<html lang=\"fr\" data-theme=\"dark\""));
    assert!(
        get(address, "/nowhere?lang=fr")
            .await
            .body
            .contains("Il n'y a rien à cette adresse")
            || get(address, "/nowhere?lang=fr")
                .await
                .body
                .contains("Il n&#39;y a rien à cette adresse")
    );
    assert!(
        get(address, "/nowhere")
            .await
            .body
            .contains("There is nothing at this address")
    );
}

#[tokio::test]
async fn no_link_is_dead() {
    let stage = Stage::start().await;
    let mut seen = BTreeSet::new();
    let mut open = vec!["/".to_owned(), "/nowhere".to_owned()];
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = get(stage.address(), &path).await;
        assert_eq!(answer.status, if path == "/nowhere" { 404 } else { 200 }, "{path}");
        if !answer.header("content-type").unwrap().starts_with("text/html") {
            continue;
        }
        let ids: BTreeSet<&str> = attributes(&answer.body, "id").collect();
        for name in ["href", "src", "data-snapshot"] {
            for target in attributes(&answer.body, name) {
                match target.strip_prefix('#') {
                    Some(id) => assert!(ids.contains(id), "{path} has no {target}"),
                    None => open.push(target.to_owned()),
                }
            }
        }
        assert_eq!(
            attributes(&answer.body, "id").count(),
            ids.len(),
            "{path} uses an id twice"
        );
    }
    assert!(
        seen.iter().filter(|path| path.starts_with("/qclock/assets/")).count() == 3,
        "{seen:?}"
    );
}

fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    let mut rest = html;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(&start)? + start.len()..];
        rest.split('"').next()
    })
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_contents_name() {
    let stage = Stage::start().await;
    let page = get(stage.address(), "/").await.body;
    for path in attributes(&page, "href")
        .chain(attributes(&page, "src"))
        .filter(|path| path.starts_with("/qclock/assets/"))
    {
        let answer = get(stage.address(), path).await;
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        let tag = answer.header("etag").unwrap().to_owned();
        assert!(path.contains(tag.trim_matches('"')));
        let again = request(stage.address(), "GET", path, &[("If-None-Match", &tag)]).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
    }
}

#[tokio::test]
async fn metrics_stay_on_our_own_port() {
    let stage = Stage::start().await;
    stage.all_well().await;
    for mark in ["X-QClock-Edge", "X-Forwarded-For", "Via", "Forwarded"] {
        let answer = request(stage.address(), "GET", "/metrics", &[(mark, "1")]).await;
        assert_eq!(answer.status, 404, "{mark}");
        assert!(!answer.body.contains("qclock_check_state"), "{mark}");
    }
    let accept = [("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")];
    let metrics = request(stage.address(), "GET", "/metrics", &accept).await;
    assert_eq!(
        metrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(metrics.header("vary").unwrap().contains("Accept"));
    for sample in [
        "qclock_check_state{check=\"apache\",tier=\"web\",state=\"operational\"} 1",
        "qclock_check_state{check=\"apache\",tier=\"web\",state=\"down\"} 0",
        "qclock_php_extension_loaded{extension=\"opcache\",required=\"true\"} 1",
        "apache_up 1",
        "apache_accesses_total 12",
        "phpfpm_idle_processes{pool=\"www\"} 7",
        "mysql_up 1",
        "mysql_global_status_threads_connected 3",
        "qclock_build_info{version=\"0.1.0\",flavour=\"debian12\"",
        "# UNIT qclock_uptime_seconds seconds",
        "# TYPE apache_uptime_seconds counter",
        "# TYPE phpfpm_accepted_connections unknown",
    ] {
        assert!(metrics.body.contains(sample), "{sample} is not in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("listen_queue"));
    assert_well_formed(&metrics.body, "_total");
    assert!(metrics.body.ends_with("# EOF\n"));
    let text = get(stage.address(), "/metrics").await;
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for sample in [
        "# TYPE apache_uptime_seconds_total counter\napache_uptime_seconds_total ",
        "# TYPE phpfpm_accepted_connections untyped\nphpfpm_accepted_connections{",
    ] {
        assert!(text.body.contains(sample), "{sample} is not in\n{}", text.body);
    }
    assert!(!text.body.contains("# EOF") && !text.body.contains("# UNIT"));
    assert_well_formed(&text.body, "");
    let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples(&text.body), samples(&metrics.body));
}

/// What a scraper refuses: each family is described once, before its samples, which stand together; counters end in `_total`, which OpenMetrics
/// leaves out of the family's name; units are the end of names; no sample comes twice.
fn assert_well_formed(text: &str, counters_end: &str) {
    let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut kind) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            (family, kind) = rest
                .split_once(' ')
                .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
                .unwrap();
            assert!(families.insert(family.clone()), "{family} is described twice");
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert!(name.ends_with(&format!("_{unit}")), "{line}");
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let expected = if kind == "counter" {
                assert!(name.ends_with("_total"), "{line}");
                format!("{family}{counters_end}")
            } else {
                family.clone()
            };
            assert_eq!(name, expected, "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(samples.insert(sample.to_owned()), "{line} comes twice");
        }
    }
}

#[tokio::test]
async fn the_document_for_programs() {
    let stage = Stage::start().await;
    stage.all_well().await;
    let answer = get(stage.address(), "/api/v1/status").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time]");
    settings.add_filter(r#""latency_ms": [0-9.]+"#, r#""latency_ms": [number]"#);
    settings.add_filter(r#""uptime_seconds": \d{4},"#, r#""uptime_seconds": [number],"#);
    // How long that is depends on the day.
    settings.add_filter(r#""days_left": -?\d+"#, r#""days_left": [number]"#);
    settings.add_filter(r#""state": "(supported|near|ended)""#, r#""state": [support]"#);
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("status", serde_json::to_string_pretty(&answer.json()).unwrap()));
}
