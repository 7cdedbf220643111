//! An application's status listener that says what a test wants: Apache, PHP-FPM and the probe script.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the fake shows.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    /// The pool is gone: the proxy answers 503.
    pub(crate) fpm_gone: bool,
    /// PHP's connections to the database hang.
    pub(crate) php_database_hangs: bool,
    /// When the pool was started.
    pub(crate) fpm_started: Instant,
    /// This extension is missing.
    pub(crate) missing: Option<&'static str>,
}

/// How many questions the probe script had, and how many at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) now: usize,
    pub(crate) most: usize,
}

/// The fake; its end is the application's end.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) faults: Arc<Mutex<Faults>>,
    pub(crate) hanging: Arc<Mutex<Counts>>,
    server: JoinSet<()>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let started = Instant::now()
            .checked_sub(Duration::from_hours(1))
            .unwrap_or_else(Instant::now);
        let faults = Faults {
            fpm_gone: false,
            php_database_hangs: false,
            fpm_started: started,
            missing: None,
        };
        let faults = Arc::new(Mutex::new(faults));
        let hanging = Arc::new(Mutex::new(Counts::default()));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&faults), Arc::clone(&hanging), started));
        Self {
            address,
            faults,
            hanging,
            server,
        }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap());
    }

    /// Everything that it held is closed; its port refuses.
    pub(crate) async fn stop(mut self) {
        self.server.shutdown().await;
    }
}

async fn serve(listener: TcpListener, faults: Arc<Mutex<Faults>>, hanging: Arc<Mutex<Counts>>, started: Instant) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&faults), Arc::clone(&hanging), started));
    }
}

async fn answer(mut stream: TcpStream, faults: Arc<Mutex<Faults>>, hanging: Arc<Mutex<Counts>>, started: Instant) {
    let mut question = [0; 2048];
    let length = stream.read(&mut question).await.unwrap_or(0);
    let question = String::from_utf8_lossy(&question[..length]).into_owned();
    let path = question.split(' ').nth(1).unwrap_or("/");
    let faults = faults.lock().unwrap().clone();
    let connects = path.contains("pdo_mysql") || path.contains("mysqli");
    if connects && faults.php_database_hangs {
        hang(&hanging).await;
    }
    let (status, body) = respond(path, &faults, started);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// Longer than anybody waits, and counted.
async fn hang(hanging: &Mutex<Counts>) {
    {
        let mut counts = hanging.lock().unwrap();
        counts.now += 1;
        counts.most = counts.most.max(counts.now);
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    hanging.lock().unwrap().now -= 1;
}

fn respond(path: &str, faults: &Faults, started: Instant) -> (u16, String) {
    let uptime = started.elapsed().as_secs();
    match path {
        "/server-status?auto" => (
            200,
            format!(
                "localhost\nServerVersion: Apache/2.4.62 (Debian)\nServerMPM: event\nServerUptimeSeconds: {uptime}\nTotal Accesses: 12\n\
                BusyWorkers: 1\nIdleWorkers: 63\nConnsTotal: 2\nScoreboard: _W..\n"
            ),
        ),
        _ if faults.fpm_gone => (503, "Service Unavailable".to_owned()),
        "/fpm-status?json" => (200, fpm(faults.fpm_started.elapsed().as_secs())),
        "/probe?part=php" => (200, php(faults.missing)),
        "/probe?part=pdo_mysql" => (200, connection("pdo_mysql", faults.php_database_hangs)),
        "/probe?part=mysqli" => (200, connection("mysqli", faults.php_database_hangs)),
        _ => (404, String::new()),
    }
}

fn fpm(uptime: u64) -> String {
    format!(
        r#"{{"pool":"www","process manager":"static","start time":1732240000,"start since":{uptime},"accepted conn":40,"listen queue":0,
        "idle processes":7,"active processes":1,"total processes":8,"max active processes":2,"max children reached":0,"slow requests":0}}"#
    )
}

fn php(missing: Option<&str>) -> String {
    let names = [
        "pdo_mysql",
        "mysqli",
        "mbstring",
        "intl",
        "curl",
        "openssl",
        "json",
        "xml",
        "Zend OPcache",
        "Core",
    ];
    let loaded = names
        .iter()
        .filter(|name| Some(**name) != missing)
        .map(|name| format!(r#""{name}":"8.2.29""#));
    format!(
        r#"{{"schema":"qclock.php-probe/1","php":{{"version":"8.2.29","sapi":"fpm-fcgi","zend_version":"4.2.29","memory_limit":"128M"}},
        "extensions":{{"loaded":{{{}}},"working":{{"mbstring":true}}}},
        "opcache":{{"enabled":true,"memory_used":9437184,"hit_rate":98.5}},"time":1732240000.5}}"#,
        loaded.collect::<Vec<_>>().join(",")
    )
}

fn connection(name: &str, failed: bool) -> String {
    let result = if failed {
        r#"{"connected":false,"latency_ms":null,"server_version":null,"error":"SQLSTATE[HY000] [2002] Connection timed out"}"#
    } else {
        r#"{"connected":true,"latency_ms":1.25,"server_version":"10.11.6-MariaDB","error":null}"#
    };
    format!(r#"{{"schema":"qclock.php-probe/1","{name}":{result},"time":1732240000.5}}"#)
}
