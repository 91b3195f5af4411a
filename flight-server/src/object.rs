//! Objects that are named by URL: in S3, Google Cloud Storage and Azure, and on web servers.
//!
//! Who may read what is the affair of the stores: their credentials come from the environment, under the names that the
//! stores' own tools know (`AWS_…`, `GOOGLE_…`, `AZURE_…`).

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use thalweg_backfill::Cancellation;

use crate::{Error, Kind};

/// How long a store may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long reading an object may take in all: as long as it takes, where the store goes on.
const LONGEST_READ: &str = "30d";

/// What is tried again where a store fails: with the pauses that are usual, but not for minutes.
const RETRIES: usize = 3;

/// Where an object is, or, as a prefix, several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    scheme: Scheme,
    /// The bucket, container, or host with its port.
    root: String,
    path: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    S3,
    Google,
    Azure,
    Https,
    Http,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::S3, Self::Google, Self::Azure, Self::Https, Self::Http];

    const fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.scheme.name(), self.root, self.path)
    }
}

impl Location {
    /// Reads the URL of an object, or what several begin with.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("it is no URL")?;
        let scheme = Scheme::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(scheme));
        let scheme = scheme.ok_or_else(|| {
            let known: Vec<_> =
                Scheme::ALL.into_iter().map(|scheme| format!("{}://", scheme.name())).collect();
            format!("objects are named by {}", known.join(", "))
        })?;
        let (root, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if root.is_empty() || !root.bytes().all(is_name) {
            return Err(
                "what follows the scheme must be a bucket, a container or a host, and no user".to_owned()
            );
        }
        if path.contains(['?', '#', '\\']) {
            return Err("it must be a path alone, without a query".to_owned());
        }
        // Segments such as `..` are refused, however they are written.
        let path = Path::from_url_path(path).map_err(|cause| cause.to_string())?;
        Ok(Self { scheme, root: root.to_ascii_lowercase(), path })
    }

    /// Whether this lies under `prefix`, or is it.
    pub(crate) fn is_within(&self, prefix: &Self) -> bool {
        self.scheme == prefix.scheme && self.root == prefix.root && self.path.prefix_matches(&prefix.path)
    }

    /// The bytes of the object, by a thread that may block.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED where there are more than `limit`, as the store says before it sends any; NOT_FOUND;
    /// FAILED_PRECONDITION where it may not be read; UNAVAILABLE where the store fails; CANCELLED.
    pub(crate) fn read(&self, limit: usize, cancellation: &Cancellation) -> Result<Bytes, Error> {
        let read = self.read_in_pieces(limit, cancellation);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.block_on(read),
            Err(_) => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|cause| Error::internal(format!("threads cannot be started: {cause}")))?
                .block_on(read),
        }
    }

    async fn read_in_pieces(&self, limit: usize, cancellation: &Cancellation) -> Result<Bytes, Error> {
        let over = |bytes: u64| {
            let message =
                format!("spine `{self}` has {bytes} bytes; the limit `limits.spine_bytes` is {limit}");
            Error::new(Kind::ResourceExhausted, message)
        };
        let silent = |_| {
            let waited = PATIENCE.as_secs();
            Error::new(
                Kind::Unavailable,
                format!("the store of spine `{self}` said nothing for {waited} s; ask again"),
            )
        };
        let store = self.store().map_err(|cause| self.failed(&cause))?;
        let found = store.get(&self.path).await.map_err(|cause| self.failed(&cause))?;
        if found.meta.size > limit as u64 {
            return Err(over(found.meta.size));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.meta.size).unwrap_or(0));
        let mut pieces = found.into_stream();
        while let Some(piece) = tokio::time::timeout(PATIENCE, pieces.next()).await.map_err(silent)? {
            if cancellation.is_cancelled() {
                return Err(thalweg_backfill::Error::Cancelled.into());
            }
            bytes.extend_from_slice(&piece.map_err(|cause| self.failed(&cause))?);
            if bytes.len() > limit {
                return Err(over(bytes.len() as u64));
            }
        }
        Ok(bytes.into())
    }

    fn store(&self) -> object_store::Result<Box<dyn ObjectStore>> {
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
        Ok(match self.scheme {
            Scheme::S3 => Box::new(
                AmazonS3Builder::from_env()
                    .with_bucket_name(&self.root)
                    .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), LONGEST_READ)
                    .with_retry(retry)
                    .build()?,
            ),
            Scheme::Google => Box::new(
                GoogleCloudStorageBuilder::from_env()
                    .with_bucket_name(&self.root)
                    .with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), LONGEST_READ)
                    .with_retry(retry)
                    .build()?,
            ),
            Scheme::Azure => Box::new(
                MicrosoftAzureBuilder::from_env()
                    .with_container_name(&self.root)
                    .with_config(AzureConfigKey::Client(ClientConfigKey::Timeout), LONGEST_READ)
                    .with_retry(retry)
                    .build()?,
            ),
            Scheme::Https | Scheme::Http => Box::new(
                HttpBuilder::new()
                    .with_url(format!("{}://{}", self.scheme.name(), self.root))
                    .with_http_connector(WithoutRedirects)
                    .with_retry(retry)
                    .build()?,
            ),
        })
    }

    fn failed(&self, cause: &object_store::Error) -> Error {
        use object_store::Error as Cause;
        let (kind, what) = match cause {
            Cause::NotFound { .. } => (Kind::NotFound, "is not there".to_owned()),
            Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. } => {
                (Kind::FailedPrecondition, format!("may not be read with the server's credentials: {cause}"))
            }
            _ => (Kind::Unavailable, format!("cannot be read: {cause}")),
        };
        Error::new(kind, format!("spine `{self}` {what}"))
    }
}

/// Follows no redirects, which would lead away from what the settings allow.
#[derive(Debug)]
struct WithoutRedirects;

impl HttpConnector for WithoutRedirects {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .build()
            .map_err(|source| object_store::Error::Generic { store: "HTTP", source: Box::new(source) })?;
        Ok(HttpClient::new(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(url: &str) -> Location {
        Location::parse(url).expect("a URL of an object")
    }

    #[test]
    fn a_prefix_holds_what_lies_under_it_and_nothing_beside() {
        let is_within = |url: &str, prefix: &str| location(url).is_within(&location(prefix));
        assert!(is_within("s3://b/spines/a.parquet", "s3://b/spines"));
        assert!(is_within("s3://b/spines/a.parquet", "s3://b/spines/"));
        assert!(is_within("S3://B/spines/x/a.csv", "s3://b/"));
        assert!(is_within("https://h:8443/a%20b/c.csv", "https://h:8443/a%20b"));
        for url in ["s3://b/spines-2/a.csv", "s3://c/spines/a.csv", "gs://b/spines/a.csv", "s3://b/a.csv"] {
            assert!(!is_within(url, "s3://b/spines"), "{url}");
        }
        assert!(!is_within("http://h/a.csv", "https://h") && !is_within("https://h:1/a.csv", "https://h"));
    }

    #[test]
    fn what_is_no_plain_place_of_an_object_is_refused() {
        for url in [
            "a.csv",
            "ftp://h/a.csv",
            "s3:///a.csv",
            "https://user@h/a.csv",
            "https://h/a.csv?x=1",
            "s3://b/spines/../secrets/a.csv",
            "https://h/spines/%2e%2e/secrets/a.csv",
            "https://h/spines/%2E%2E%2Fsecrets/a.csv",
            "s3://b/spines//a.csv",
        ] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
        assert_eq!(location("az://c/x/a.csv").to_string(), "az://c/x/a.csv");
    }
}
