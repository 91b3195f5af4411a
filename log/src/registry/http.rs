//! A registry that speaks Confluent's protocol, as Apicurio, Karapace and Redpanda do too.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::{RegisteredSchema, Registry, RegistryError, SchemaKind, SchemaReference};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many schemas one may refer to, directly or not.
const REFERENCES: usize = 1_000;
/// How large an answer may be.
const ANSWER_BYTES: usize = 16 << 20;

/// Error codes of the protocol for what is not there: subject, version, schema.
const NOT_FOUND: [u32; 3] = [40_401, 40_402, 40_403];

/// Where a registry is, and who asks.
#[derive(Clone, Default)]
pub struct RegistryAccess {
    /// The address of its API. A user and password in it are used as if they were given beside it.
    pub url: String,
    /// Who asks, where the registry wants a name and a password; empty else.
    pub user: String,
    /// The password of the user.
    pub password: String,
    /// What to show, where the registry wants a bearer token; empty else.
    pub token: String,
    /// A folder for the schemas that were asked for. With it nothing is asked twice, not even after a restart.
    pub cache: Option<PathBuf>,
}

/// Secrets are left out.
impl fmt::Debug for RegistryAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAccess").field("url", &shown(&self.url)).finish_non_exhaustive()
    }
}

/// A registry that is asked over HTTP. Its calls block: not for threads that run async tasks.
pub struct HttpRegistry {
    client: Client,
    url: Url,
    user: String,
    password: String,
    token: String,
    cache: Option<Cache>,
    known: Mutex<HashMap<u32, RegisteredSchema>>,
}

impl fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRegistry").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    schema: String,
    #[serde(default, rename = "schemaType")]
    kind: SchemaKind,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    id: u32,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: u32,
}

#[derive(Deserialize)]
struct Complaint {
    error_code: u32,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Serialize)]
struct Registration<'a> {
    schema: &'a str,
    #[serde(rename = "schemaType")]
    kind: SchemaKind,
}

/// What an answer that is no success says.
enum Failure {
    NotFound(String),
    Other(RegistryError),
}

impl HttpRegistry {
    /// The registry at the address of `access`. Nothing is asked yet.
    ///
    /// # Errors
    /// If the address is none.
    pub fn new(access: &RegistryAccess) -> Result<Self, RegistryError> {
        let broken = |cause: String| RegistryError::Refused { url: shown(&access.url), cause };
        let mut url = Url::parse(&access.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                broken("nothing, for this is no address of the kind http://host:port/path".into())
            })?;
        let (mut user, mut password) = (access.user.clone(), access.password.clone());
        if !url.username().is_empty() && user.is_empty() {
            user = decoded(url.username());
            password = decoded(url.password().unwrap_or_default());
        }
        // Neither can fail for an address with a host.
        let _ = (url.set_username(""), url.set_password(None));
        let client = Client::builder().timeout(PATIENCE).connect_timeout(PATIENCE / 2).build();
        let client =
            client.map_err(|error| broken(format!("nothing, for no client can be made: {error}")))?;
        Ok(Self {
            client,
            cache: access.cache.as_ref().map(|dir| Cache::new(dir, url.as_str())),
            url,
            user,
            password,
            token: access.token.clone(),
            known: Mutex::default(),
        })
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    fn ask<T: for<'de> Deserialize<'de>>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let request = match (self.token.is_empty(), self.user.is_empty()) {
            (false, _) => request.bearer_auth(&self.token),
            (true, false) => request.basic_auth(&self.user, Some(&self.password)),
            (true, true) => request,
        };
        let url = self.url.to_string();
        let away = |cause: String| Failure::Other(RegistryError::Away { url: url.clone(), cause });
        let refused = |cause: String| Failure::Other(RegistryError::Refused { url: url.clone(), cause });
        let response = request.send().map_err(|error| away(reason(&error)))?;
        let status = response.status();
        let body = response.bytes().map_err(|error| away(reason(&error)))?;
        if body.len() > ANSWER_BYTES {
            return Err(refused(format!("more than {ANSWER_BYTES} bytes")));
        }
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| refused(format!("what is no answer of a schema registry ({error})")));
        }
        let complaint = serde_json::from_slice::<Complaint>(&body).ok();
        let said = complaint.as_ref().map_or("", |complaint| complaint.message.as_str());
        match &complaint {
            // Anybody may answer 404 at a wrong address; only a registry knows what it has not.
            Some(complaint) if NOT_FOUND.contains(&complaint.error_code) => {
                Err(Failure::NotFound(said.to_owned()))
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(away(format!("{status} {said}").trim_end().to_owned()))
            }
            _ => Err(refused(format!("{status} {said}").trim_end().to_owned())),
        }
    }

    /// The schema of an answer, with those it refers to.
    fn complete(&self, answer: Answer) -> Result<RegisteredSchema, RegistryError> {
        let mut references = Vec::new();
        self.follow(&answer.references, &mut HashSet::new(), &mut references)?;
        Ok(RegisteredSchema { kind: answer.kind, text: answer.schema, references })
    }

    fn follow(
        &self,
        references: &[Reference],
        seen: &mut HashSet<(String, u32)>,
        found: &mut Vec<SchemaReference>,
    ) -> Result<(), RegistryError> {
        for Reference { name, subject, version } in references {
            if !seen.insert((subject.clone(), *version)) {
                continue;
            }
            if seen.len() > REFERENCES {
                let cause = format!("a schema that refers to more than {REFERENCES} others");
                return Err(RegistryError::Refused { url: self.url.to_string(), cause });
            }
            let answer = self.version(subject, &version.to_string())?;
            self.follow(&answer.references, seen, found)?;
            found.push(SchemaReference { name: name.clone(), text: answer.schema });
        }
        Ok(())
    }

    fn version(&self, subject: &str, version: &str) -> Result<Answer, RegistryError> {
        let address = self.address(&["subjects", subject, "versions", version]);
        self.ask(self.client.get(address)).map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::NotFound(_) => RegistryError::UnknownSubject {
                url: self.url.to_string(),
                what: format!("subject `{subject}` with the version {version}"),
            },
        })
    }
}

impl Registry for HttpRegistry {
    fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        // Nothing panics while it holds the lock; a map of schemas is whole in any case.
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known().get(&id) {
            return Ok(schema.clone());
        }
        if let Some(schema) = self.cache.as_ref().and_then(|cache| cache.get(id)) {
            known().insert(id, schema.clone());
            return Ok(schema);
        }
        let address = self.address(&["schemas", "ids", &id.to_string()]);
        let answer = self.ask(self.client.get(address)).map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::NotFound(_) => RegistryError::UnknownId { url: self.url.to_string(), id },
        })?;
        let schema = self.complete(answer)?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(id, &schema)
        {
            tracing::warn!(id, %error, "a schema cannot be kept on disk; it is asked for again after a restart");
        }
        known().insert(id, schema.clone());
        Ok(schema)
    }

    fn latest(&self, subject: &str, version: Option<u32>) -> Result<(u32, RegisteredSchema), RegistryError> {
        let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
        let answer = self.version(subject, &version)?;
        Ok((answer.id, self.complete(answer)?))
    }

    fn register(&self, subject: &str, schema: &RegisteredSchema) -> Result<u32, RegistryError> {
        let address = self.address(&["subjects", subject, "versions"]);
        let registration = Registration { schema: &schema.text, kind: schema.kind };
        let registered: Result<Registered, _> = self.ask(self.client.post(address).json(&registration));
        registered.map(|registered| registered.id).map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::NotFound(cause) => RegistryError::Refused { url: self.url.to_string(), cause },
        })
    }
}

/// An address without the user and password in it.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            let _ = (url.set_username(""), url.set_password(None));
            url.to_string()
        }
        // It may be anything: a secret, too.
        Err(_) => "(no address)".to_owned(),
    }
}

/// A part of an address as it was meant, `%40` for `@` and the like undone.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        match (first, after.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What went wrong, down to its cause, without the address: it may have secrets in it.
fn reason(error: &reqwest::Error) -> String {
    let mut source = std::error::Error::source(error);
    let mut last = None;
    while let Some(cause) = source {
        last = Some(cause);
        source = cause.source();
    }
    match last {
        _ if error.is_timeout() => format!("no answer within {} s", PATIENCE.as_secs()),
        Some(cause) => cause.to_string(),
        None => "the connection failed".to_owned(),
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
