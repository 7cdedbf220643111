//! httpd in front of PHP-FPM, as the application's image has them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fixture::{Init, Sandbox, have, messages, told, wait_for};
use rustix::process::{Signal, kill_process};

const HTTPD: &str = "/usr/sbin/apache2";
const FPM: &str = "/usr/sbin/php-fpm8.2";

const INIT: &str = r#"
[supervisor]
state_file = "@root@/state"
stop_seconds = 20

[[directory]]
path = "@root@/run"
mode = "0700"

[[service]]
name = "php-fpm"
command = ["/usr/sbin/php-fpm8.2", "-F", "-n", "-d", "display_errors=0", "-d", "fastcgi.logging=0", "-y", "@root@/fpm.conf"]
stop_signal = "QUIT"
reload_signal = "USR2"
remove_before_start = ["@root@/run/fpm.sock"]
stop_grace_seconds = 15
log = { stdout = "plain", stderr = "php-fpm" }
[service.ready]
fastcgi = { socket = "@root@/run/fpm.sock", path = "/fpm-ping" }

[[service]]
name = "httpd"
command = ["/usr/sbin/apache2", "-DFOREGROUND", "-f", "@root@/httpd.conf"]
stop_signal = "WINCH"
reload_signal = "USR1"
remove_before_start = ["@root@/run/httpd.pid"]
stop_grace_seconds = 15
log = { stdout = "apache-access", stderr = "apache-error" }
[service.ready]
http = "http://127.0.0.1:@port@/ready.txt"
"#;

const HTTPD_CONF: &str = r#"
ServerRoot /usr/lib/apache2
DefaultRuntimeDir @root@/run
PidFile @root@/run/httpd.pid
ServerName localhost
Listen 127.0.0.1:@port@
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_fcgi_module modules/mod_proxy_fcgi.so
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
GracefulShutdownTimeout 14
LogLevel notice
ErrorLog /proc/self/fd/2
ErrorLogFormat "[%{cu}t] [%-m:%l] [pid %P:tid %T] [client\ %a] [id\ %L] %E: %M"
LogFormat "qclock-access1\t%{sec}t.%{usec_frac}t\t%a\t%u\t%m\t%U\t%q\t%H\t%>s\t%B\t%D\t%L\t%{Host}i\t%{Referer}i\t%{User-Agent}i" qclock
CustomLog /proc/self/fd/1 qclock
DocumentRoot @root@/www
<FilesMatch "\.php$">
  SetHandler "proxy:unix:@root@/run/fpm.sock|fcgi://php-fpm"
</FilesMatch>
"#;

const FPM_CONF: &str = r"
[global]
daemonize = no
error_log = /proc/self/fd/2
log_limit = 8192
systemd_interval = 0
process_control_timeout = 10s
[www]
listen = @root@/run/fpm.sock
pm = static
pm.max_children = 2
ping.path = /fpm-ping
catch_workers_output = yes
decorate_workers_output = no
php_admin_flag[log_errors] = on
";

struct App {
    sandbox: Sandbox,
    init: Init,
    port: u16,
}

/// None when the programs are not there.
fn start() -> Option<App> {
    if !have(&[HTTPD, FPM]) {
        return None;
    }
    let sandbox = Sandbox::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let write = |name: &str, text: &str| sandbox.write(name, &text.replace("@port@", &port.to_string()));
    write("httpd.conf", HTTPD_CONF);
    write("fpm.conf", FPM_CONF);
    write("init.toml", INIT);
    write("www/ready.txt", "ready\n");
    write(
        "www/slow.php",
        "<?php file_put_contents('@root@/began', ''); $t = microtime(true); sleep(3); echo 'slept ', round(microtime(true) - $t, 1);",
    );
    write(
        "www/logs.php",
        "<?php echo $undefined; file_put_contents('php://stderr', str_repeat('r', 20000) . PHP_EOL); throw new Exception('café');",
    );
    let init = Init::start(sandbox.command(&["run"]));
    init.wait_for_action("container-ready");
    Some(App { sandbox, init, port })
}

impl App {
    fn get(&self, request: &str) -> std::io::Result<String> {
        get(self.port, request)
    }
}

fn get(port: u16, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(format!("GET {request}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_request_that_is_in_php_when_the_stop_comes_completes_with_200() {
    let Some(app) = start() else {
        return;
    };
    let port = app.port;
    let request = std::thread::spawn(move || get(port, "/slow.php HTTP/1.1").unwrap());
    wait_for("the request to be in PHP", || {
        app.sandbox.path("began").exists().then_some(())
    });
    let begun = Instant::now();
    app.init.signal(Signal::TERM);
    let answer = request.join().unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("slept 3"),
        "{answer}"
    );
    let (status, records) = app.init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
    assert!(begun.elapsed() < Duration::from_secs(6), "{}", told(&records));
    let own = messages(&records, "qclock-init");
    let place = |start: &str| own.iter().position(|message| message.starts_with(start)).unwrap();
    assert!(place("`httpd` exited with status 0") < place("sent QUIT to `php-fpm`"));
}

#[test]
fn a_killed_fpm_master_ends_the_container_with_137() {
    let Some(app) = start() else {
        return;
    };
    kill_process(app.init.pid_of("php-fpm"), Signal::KILL).unwrap();
    let (status, records) = app.init.end();
    assert_eq!(status.code(), Some(137), "{}", told(&records));
    // The workers, which a killed master leaves behind with the socket, are gone too.
    let socket = app.sandbox.path("run/fpm.sock");
    wait_for("the workers to be gone", || {
        std::os::unix::net::UnixStream::connect(&socket).is_err().then_some(())
    });
}

#[test]
fn health_follows_the_services() {
    let Some(app) = start() else {
        return;
    };
    assert_eq!(app.sandbox.health(), (0, String::new()));
    app.init.signal(Signal::TERM);
    wait_for("health to fail", || (app.sandbox.health().0 == 1).then_some(()));
    let (status, _) = app.init.end();
    assert_eq!(status.code(), Some(0));
    let (code, reason) = app.sandbox.health();
    assert_eq!((code, reason.as_str()), (1, "stopping\n"));
}

#[test]
fn a_reload_lets_a_request_complete() {
    let Some(app) = start() else {
        return;
    };
    app.init.signal(Signal::HUP);
    app.init.wait_for_message("reloading `httpd` with USR1");
    wait_for("an answer after the reload", || {
        app.get("/ready.txt HTTP/1.1")
            .ok()
            .filter(|answer| answer.ends_with("ready\n"))
    });
    app.init.signal(Signal::TERM);
    let (status, records) = app.init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
}

#[test]
fn what_the_servers_log_comes_out_as_records() {
    let Some(app) = start() else {
        return;
    };
    app.get("/none?password=x&q=caf%C3%A9 HTTP/1.1\r\nUser-Agent: \"é\t\\\r\nReferer: x")
        .unwrap();
    app.get("/logs.php HTTP/1.1").unwrap();
    let access = app.init.wait_for("access", |record| {
        record["event.dataset"] == "apache.access" && record["url.path"] == "/none"
    });
    assert_eq!(access["http.response.status_code"], 404);
    assert_eq!(access["url.query"], "password=REDACTED&q=caf%C3%A9");
    assert_eq!(access["user_agent.original"], "\"é\t\\");
    let error = app
        .init
        .wait_for("an uncaught exception", |record| record["error.type"] == "Fatal error");
    assert_eq!(error["log.level"], "error");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("Uncaught Exception: café in ")
    );
    assert!(error["error.stack_trace"].as_str().unwrap().contains("#0 {main}"));
    let warning = app
        .init
        .wait_for("a warning", |record| record["error.type"] == "Warning");
    assert_eq!(
        (&warning["log.level"], &warning["log.origin.file.line"]),
        (&"warning".into(), &1.into())
    );
    app.init.wait_for("20,000 characters", |record| {
        record["message"].as_str().unwrap().contains(&"r".repeat(20_000))
    });
    let notice = app
        .init
        .wait_for("httpd's notice", |record| record["error.code"] == "AH00489");
    assert_eq!(
        (&notice["log.logger"], &notice["log.level"]),
        (&"mpm_event".into(), &"notice".into())
    );
}
