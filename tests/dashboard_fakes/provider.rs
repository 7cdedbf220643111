//! What stands in for an identity provider: a document, keys and tokens, each of which can be made wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How tokens are signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signer {
    Es256,
    EdDsa,
    None,
    /// With the public key as if it were a shared secret.
    Hs256,
    /// By a key that is not published.
    Stranger,
}

/// What it does.
pub(crate) struct Behaviour {
    pub(crate) signer: Signer,
    /// Changes the ID token's claims.
    pub(crate) change: Box<dyn Fn(&mut Value) + Send>,
    /// Changes the document.
    pub(crate) document: Box<dyn Fn(&mut Value) + Send>,
    /// Answers nothing.
    pub(crate) stalls: bool,
    /// How long its answers take on their way.
    pub(crate) delay: Duration,
    /// More bytes than anybody wants.
    pub(crate) floods: Option<&'static str>,
    /// Nonces by code; a code is good once.
    pub(crate) codes: BTreeMap<String, String>,
    pub(crate) keys: Keys,
    /// How often keys were asked for.
    pub(crate) key_questions: usize,
    /// Gives tokens to ask again by.
    pub(crate) renews: bool,
    /// Their nonces; each is good once.
    pub(crate) renewable: BTreeMap<String, String>,
    /// How often somebody was asked about again.
    pub(crate) renewals: usize,
    /// Changes the ID token of an answer to that; `null` leaves it out.
    pub(crate) change_renewed: Box<dyn Fn(&mut Value) + Send>,
    /// Tokens that were given back, and whose sessions a Keycloak ended.
    pub(crate) given_back: Vec<String>,
}

pub(crate) struct Keys {
    id: String,
    es: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    stranger: EcdsaKeyPair,
}

impl Keys {
    pub(crate) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let es = || {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
        };
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            id: id.to_owned(),
            es: es(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            stranger: es(),
        }
    }

    fn set(&self) -> Value {
        let point = self.es.public_key().as_ref();
        json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "use": "sig", "kid": format!("{}-es", self.id), "alg": "ES256",
              "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": format!("{}-ed", self.id), "alg": "EdDSA",
              "x": BASE64.encode(self.ed.public_key().as_ref()) },
        ] })
    }

    pub(crate) fn sign(&self, signer: Signer, kind: &str, claims: &Value) -> String {
        let (algorithm, key) = match signer {
            Signer::Es256 | Signer::Stranger => ("ES256", "es"),
            Signer::EdDsa => ("EdDSA", "ed"),
            Signer::None => ("none", "es"),
            Signer::Hs256 => ("HS256", "es"),
        };
        let header = json!({ "alg": algorithm, "typ": kind, "kid": format!("{}-{key}", self.id) });
        let part = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let random = SystemRandom::new();
        let signature = match signer {
            Signer::Es256 => self.es.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Signer::Stranger => self
                .stranger
                .sign(&random, signed.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Signer::EdDsa => self.ed.sign(signed.as_bytes()).as_ref().to_vec(),
            Signer::None => Vec::new(),
            Signer::Hs256 => {
                let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.es.public_key().as_ref());
                ring::hmac::sign(&secret, signed.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64.encode(signature))
    }
}

/// A provider that runs.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behaviour = Behaviour {
            signer: Signer::Es256,
            change: Box::new(|_| {}),
            document: Box::new(|_| {}),
            stalls: false,
            delay: Duration::ZERO,
            floods: None,
            codes: BTreeMap::new(),
            keys: Keys::new("first"),
            key_questions: 0,
            renews: false,
            renewable: BTreeMap::new(),
            renewals: 0,
            change_renewed: Box::new(|_| {}),
            given_back: Vec::new(),
        };
        let provider = Self {
            address: listener.local_addr().unwrap(),
            behaviour: Arc::new(Mutex::new(behaviour)),
        };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().converse(stream));
            }
        });
        provider
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    pub(crate) fn key_questions(&self) -> usize {
        self.behaviour.lock().unwrap().key_questions
    }

    pub(crate) fn renewals(&self) -> usize {
        self.behaviour.lock().unwrap().renewals
    }

    /// Tokens that somebody can be asked about by.
    pub(crate) fn renewable(&self) -> Vec<String> {
        self.behaviour.lock().unwrap().renewable.keys().cloned().collect()
    }

    pub(crate) fn given_back(&self) -> Vec<String> {
        self.behaviour.lock().unwrap().given_back.clone()
    }

    /// A token that says that somebody is no longer signed in.
    pub(crate) fn logout_token(&self, signer: Signer, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": self.issuer(), "aud": "qclock-dashboard", "iat": now(), "exp": now() + 60, "jti": format!("t{}", rand()),
            "sid": "s-1", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        change(&mut claims);
        self.behaviour.lock().unwrap().keys.sign(signer, "logout+jwt", &claims)
    }

    async fn converse(self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        let text = loop {
            let Ok(count) = stream.read(&mut chunk).await else {
                return;
            };
            if count == 0 {
                return;
            }
            request.extend_from_slice(&chunk[..count]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break text;
            }
        };
        let Some((status, body)) = self.answer(&text) else {
            std::future::pending::<()>().await;
            return;
        };
        let delay = self.behaviour.lock().unwrap().delay;
        tokio::time::sleep(delay).await;
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }

    fn claims(&self, nonce: &str) -> Value {
        json!({
            "iss": self.issuer(), "aud": "qclock-dashboard", "sub": "4f1c", "iat": now(), "exp": now() + 300, "nonce": nonce,
            "name": "Ann <b>", "preferred_username": "ann", "sid": "s-1", "roles": ["auditor"],
        })
    }

    fn answer(&self, request: &str) -> Option<(u16, String)> {
        let mut behaviour = self.behaviour.lock().unwrap();
        if behaviour.stalls {
            return None;
        }
        let path = request.split(' ').nth(1)?;
        if behaviour.floods.is_some_and(|flooded| path.ends_with(flooded)) {
            return Some((200, format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20))));
        }
        Some(match path {
            "/.well-known/openid-configuration" => {
                let base = self.issuer();
                let mut document = json!({
                    "issuer": base, "authorization_endpoint": format!("{base}/authorize"), "token_endpoint": format!("{base}/token"),
                    "jwks_uri": format!("{base}/jwks"), "end_session_endpoint": format!("{base}/end"),
                    "revocation_endpoint": format!("{base}/revoke"),
                    "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": true,
                });
                (behaviour.document)(&mut document);
                (200, document.to_string())
            }
            "/jwks" => {
                behaviour.key_questions += 1;
                (200, behaviour.keys.set().to_string())
            }
            "/health/ready" => (200, "{}".to_owned()),
            // As Keycloak has it, for whoever has the token below.
            "/admin/serverinfo" if request.to_lowercase().contains("\r\nauthorization: bearer own\r\n") => {
                (200, json!({ "systemInfo": { "version": "23.0.7" } }).to_string())
            }
            path if path.ends_with("/token") && request.contains("grant_type=client_credentials") => (
                200,
                json!({ "access_token": "own", "token_type": "Bearer", "expires_in": 60 }).to_string(),
            ),
            path if path.ends_with("/token") && request.contains("grant_type=refresh_token") => {
                behaviour.renewals += 1;
                let token = field(request, "refresh_token=")?;
                let Some(nonce) = behaviour.renewable.remove(token) else {
                    return Some((400, json!({ "error": "invalid_grant" }).to_string()));
                };
                let mut claims = self.claims(&nonce);
                (behaviour.change)(&mut claims);
                (behaviour.change_renewed)(&mut claims);
                (200, tokens(&mut behaviour, &claims, nonce))
            }
            path if path.ends_with("/token") => {
                let Some(nonce) = behaviour.codes.remove(field(request, "code=")?) else {
                    return Some((400, json!({ "error": "invalid_grant" }).to_string()));
                };
                let mut claims = self.claims(&nonce);
                (behaviour.change)(&mut claims);
                (200, tokens(&mut behaviour, &claims, nonce))
            }
            "/revoke" => {
                let token = field(request, "token=")?.to_owned();
                behaviour.given_back.push(token);
                (200, String::new())
            }
            // As Keycloak has it, for the person whose token it is.
            path if path.ends_with("/account/sessions?current=false") && request.starts_with("DELETE ") => {
                let token = request.split("Bearer ").nth(1)?.split('\r').next()?.to_owned();
                behaviour.given_back.push(token);
                (204, String::new())
            }
            _ => (404, "{}".to_owned()),
        })
    }
}

/// A field of a form.
fn field<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let body = request.split("\r\n\r\n").nth(1)?;
    body.split('&').find_map(|pair| pair.strip_prefix(name))
}

fn tokens(behaviour: &mut Behaviour, claims: &Value, nonce: String) -> String {
    let mut answer = json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60 });
    if !claims.is_null() {
        answer["id_token"] = behaviour.keys.sign(behaviour.signer, "JWT", claims).into();
    }
    if behaviour.renews {
        let token = format!("r{}", rand());
        answer["refresh_token"] = token.as_str().into();
        behaviour.renewable.insert(token, nonce);
    }
    answer.to_string()
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn rand() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    BASE64.encode(bytes)
}
