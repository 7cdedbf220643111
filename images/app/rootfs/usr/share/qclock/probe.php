<?php
// What PHP itself says about PHP, asked by the dashboard through the pool that serves the pages.  Reached by the status
// listener alone, which sets QCLOCK_PROBE; read-only; every wait is bounded; never a password in the answer.

declare(strict_types=1);

namespace QClock\Probe;

const CONNECT_SECONDS = 2;
// When the first connection has waited in vain, the second one waits no longer than this.
const CONNECT_SECONDS_AFTER_TIMEOUT = 1;

if (($_SERVER['QCLOCK_PROBE'] ?? '') !== '1') {
    http_response_code(404);
    exit;
}

header('Content-Type: application/json');
header('Cache-Control: no-store');
echo json_encode(answer(), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);

/**
 * Everything, or with `?part=php`, `?part=pdo_mysql` or `?part=mysqli` that part alone: it then waits for nothing that another part
 * waits for, so PHP can be told from a database that is silent.
 */
function answer(): array
{
    $answer = ['schema' => 'qclock.php-probe/1'];
    $part = $_GET['part'] ?? null;
    if ($part === null || $part === 'php') {
        $answer += php();
    }
    $seconds = CONNECT_SECONDS;
    $calls = ['pdo_mysql' => ask_pdo(...), 'mysqli' => ask_mysqli(...)];
    foreach ($calls as $name => $ask) {
        if ($part === null || $part === $name) {
            $result = connection(fn (int $limit): string => $ask(target(), $limit), $seconds);
            $waited = ($result['elapsed_ms'] ?? 0) >= CONNECT_SECONDS * 900;
            $seconds = $waited ? CONNECT_SECONDS_AFTER_TIMEOUT : CONNECT_SECONDS;
            unset($result['elapsed_ms']);
            $answer[$name] = $result;
        }
    }

    return $answer + ['time' => microtime(true)];
}

function php(): array
{
    return [
        'php' => [
            'version' => PHP_VERSION,
            'sapi' => PHP_SAPI,
            'zend_version' => zend_version(),
            'ini' => php_ini_loaded_file() ?: null,
            'memory_limit' => ini_get('memory_limit'),
            'max_execution_time' => (int) ini_get('max_execution_time'),
            'timezone' => date_default_timezone_get(),
            'display_errors' => filter_var(ini_get('display_errors'), FILTER_VALIDATE_BOOL),
            'expose_php' => filter_var(ini_get('expose_php'), FILTER_VALIDATE_BOOL),
        ],
        'extensions' => ['loaded' => loaded(), 'working' => working()],
        'opcache' => opcache(),
    ];
}

/** @return array<string, string> version of each loaded extension, by name */
function loaded(): array
{
    $versions = [];
    foreach (get_loaded_extensions() as $name) {
        $versions[$name] = (string) phpversion($name);
    }
    if (extension_loaded('Zend OPcache')) {
        $versions['opcache'] = (string) phpversion('Zend OPcache');
    }
    ksort($versions, SORT_FLAG_CASE | SORT_STRING);

    return $versions;
}

/** One small call into each critical extension: loaded is not yet working. */
function working(): array
{
    $calls = [
        'pdo_mysql' => fn () => in_array('mysql', \PDO::getAvailableDrivers(), true),
        'mysqli' => fn () => mysqli_get_client_version() > 0,
        'mbstring' => fn () => mb_strtoupper('é', 'UTF-8') === 'É',
        'intl' => fn () => (new \NumberFormatter('fr_FR', \NumberFormatter::DECIMAL))->format(0.5) === '0,5',
        'curl' => fn () => curl_version()['ssl_version'] !== '',
        'openssl' => fn () => openssl_digest('', 'sha256') === hash('sha256', ''),
        'json' => fn () => json_decode('{"a":1}', true) === ['a' => 1],
        'xml' => fn () => xml_parse(xml_parser_create(), '<a>é</a>', true) === 1,
        'opcache' => fn () => opcache_get_status(false) !== false,
    ];
    $results = [];
    foreach ($calls as $name => $call) {
        try {
            $results[$name] = (bool) $call();
        } catch (\Throwable) {
            $results[$name] = false;
        }
    }

    return $results;
}

function opcache(): array
{
    $status = function_exists('opcache_get_status') ? opcache_get_status(false) : false;
    if ($status === false) {
        return ['enabled' => false];
    }
    $memory = $status['memory_usage'];
    $strings = $status['interned_strings_usage'] ?? [];
    $counters = $status['opcache_statistics'];

    return [
        'enabled' => (bool) $status['opcache_enabled'],
        'cache_full' => (bool) $status['cache_full'],
        'memory_used' => $memory['used_memory'],
        'memory_free' => $memory['free_memory'],
        'memory_wasted' => $memory['wasted_memory'],
        'strings_used' => $strings['used_memory'] ?? null,
        'strings_free' => $strings['free_memory'] ?? null,
        'cached_scripts' => $counters['num_cached_scripts'],
        'cached_keys' => $counters['num_cached_keys'],
        'max_keys' => $counters['max_cached_keys'],
        'hits' => $counters['hits'],
        'misses' => $counters['misses'],
        'hit_rate' => round($counters['opcache_hit_rate'], 3),
        'oom_restarts' => $counters['oom_restarts'],
        'hash_restarts' => $counters['hash_restarts'],
        'manual_restarts' => $counters['manual_restarts'],
    ];
}

/** Where the application's database is: the same variables that the application reads. */
function target(): array
{
    $file = getenv('QCLOCK_DB_PASSWORD_FILE') ?: '';
    $password = $file !== '' ? @file_get_contents($file, false, null, 0, 4096) : '';

    return [
        'host' => getenv('QCLOCK_DB_HOST') ?: 'db',
        'port' => (int) (getenv('QCLOCK_DB_PORT') ?: 3306),
        'name' => getenv('QCLOCK_DB_NAME') ?: 'qclock',
        'user' => getenv('QCLOCK_DB_USER') ?: 'qclock',
        'password' => $password === false ? null : rtrim($password, "\r\n"),
    ];
}

/** @param callable(int): string $ask answers the server's version, or throws */
function connection(callable $ask, int $seconds): array
{
    // The greeting of a frozen server is waited for by this one, not by the connect timeout.
    ini_set('mysqlnd.net_read_timeout', (string) $seconds);
    ini_set('default_socket_timeout', (string) $seconds);
    $start = hrtime(true);
    try {
        $version = $ask($seconds);
        $elapsed = (hrtime(true) - $start) / 1e6;

        return [
            'connected' => true,
            'latency_ms' => round($elapsed, 3),
            'server_version' => $version,
            'error' => null,
        ];
    } catch (\Throwable $failure) {
        return [
            'connected' => false,
            'latency_ms' => null,
            'server_version' => null,
            'error' => substr(reason($failure), 0, 300),
            'elapsed_ms' => (hrtime(true) - $start) / 1e6,
        ];
    }
}

/** The failure's words with its number in brackets; PDO's words have it already, MySQLi's do not. */
function reason(\Throwable $failure): string
{
    [$code, $message] = [$failure->getCode(), $failure->getMessage()];

    return is_int($code) && $code > 0 && !str_contains($message, "[$code]") ? "[$code] $message" : $message;
}

function ask_pdo(array $target, int $seconds): string
{
    $pdo = new \PDO(
        "mysql:host={$target['host']};port={$target['port']};dbname={$target['name']};charset=utf8mb4",
        $target['user'],
        password($target),
        [\PDO::ATTR_TIMEOUT => $seconds, \PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]
    );

    return (string) $pdo->query('SELECT VERSION()')->fetchColumn();
}

function ask_mysqli(array $target, int $seconds): string
{
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $link = mysqli_init();
    $link->options(MYSQLI_OPT_CONNECT_TIMEOUT, $seconds);
    $link->options(MYSQLI_OPT_READ_TIMEOUT, $seconds);
    @$link->real_connect($target['host'], $target['user'], password($target), $target['name'], $target['port']);
    $version = (string) $link->query('SELECT VERSION()')->fetch_row()[0];
    $link->close();

    return $version;
}

function password(array $target): string
{
    return $target['password'] ?? throw new \RuntimeException('the password file cannot be read');
}
