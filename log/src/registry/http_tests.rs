use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::*;

/// What a server was asked: the first line of each request, and its line of authorization.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// A server that answers each request by `answer` of its first line, until the test ends.
fn serve(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            if let Some(request) = handle(stream, &answer) {
                log.lock().expect("a whole list").push(request);
            }
        }
    });
    (address, asked)
}

fn handle(mut stream: TcpStream, answer: &impl Fn(&str) -> (u16, String)) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut first, mut authorization, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let first =
        format!("{} {}", first.trim_end().trim_end_matches(" HTTP/1.1"), String::from_utf8_lossy(&body));
    let (status, text) = answer(first.trim_end());
    let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
    stream.write_all((head + &text).as_bytes()).ok()?;
    Some((first.trim_end().to_owned(), authorization))
}

fn registry(access: RegistryAccess) -> HttpRegistry {
    HttpRegistry::new(&access).expect("an address")
}

fn asked(log: &Asked) -> Vec<String> {
    log.lock().expect("a whole list").iter().map(|(request, _)| request.clone()).collect()
}

fn answer(request: &str) -> (u16, String) {
    let (status, body) = match request {
        "GET /api/schemas/ids/7" => (200, r#"{"schema": "\"int\""}"#),
        "GET /api/schemas/ids/8" => (
            200,
            r#"{"schema": "[\"a.B\"]", "schemaType": "AVRO", "references": [{"name": "a.B", "subject": "b/1", "version": 2}]}"#,
        ),
        "GET /api/subjects/b%2F1/versions/2" => (
            200,
            r#"{"subject": "b/1", "id": 3, "version": 2, "schema": "B", "references": [{"name": "c", "subject": "c", "version": 1}]}"#,
        ),
        "GET /api/subjects/c/versions/1" => (200, r#"{"id": 4, "schema": "C"}"#),
        "GET /api/subjects/p/versions/latest" => {
            (200, r#"{"id": 9, "schema": "P", "schemaType": "PROTOBUF"}"#)
        }
        "GET /api/schemas/ids/500" => (503, "<html>"),
        "GET /api/schemas/ids/401" => (401, r#"{"error_code": 401, "message": "who are you?"}"#),
        "GET /api/schemas/ids/200" => (200, "<html>"),
        r#"POST /api/subjects/s/versions {"schema":"\"int\"","schemaType":"AVRO"}"# => (200, r#"{"id": 11}"#),
        "GET /else/schemas/ids/7" => (404, "<html>nothing here</html>"),
        _ => (404, r#"{"error_code": 40403, "message": "Schema not found"}"#),
    };
    (status, body.to_owned())
}

#[test]
fn schemas_come_with_what_they_refer_to_and_are_asked_for_once() {
    let (address, log) = serve(answer);
    let cache = tempfile::tempdir().expect("a temporary folder");
    let access = RegistryAccess {
        url: format!("http://{address}/api/"),
        cache: Some(cache.path().to_owned()),
        ..RegistryAccess::default()
    };
    let first = registry(access.clone());
    let schema = first.schema(8).expect("it is there");
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Avro, "[\"a.B\"]"));
    let references: Vec<_> = schema.references.iter().map(|r| (r.name.as_str(), r.text.as_str())).collect();
    assert_eq!(references, [("c", "C"), ("a.B", "B")]);
    assert_eq!(first.schema(8), Ok(schema.clone()));
    assert_eq!(registry(access).schema(8), Ok(schema), "from the disk");
    assert_eq!(asked(&log).len(), 3);
}

#[test]
fn subjects_have_schemas_and_take_them() {
    let (address, _) = serve(answer);
    let registry = registry(RegistryAccess { url: format!("http://{address}/api"), ..Default::default() });
    let (id, schema) = registry.latest("p", None).expect("it is there");
    assert_eq!((id, schema.kind, schema.text.as_str()), (9, SchemaKind::Protobuf, "P"));
    let int = RegisteredSchema { kind: SchemaKind::Avro, text: "\"int\"".to_owned(), references: Vec::new() };
    assert_eq!(registry.register("s", &int), Ok(11));
    let missing = registry.latest("q", Some(3)).expect_err("nobody registered it");
    assert!(
        missing.is_final() && missing.to_string().contains("subject `q` with the version 3"),
        "{missing}"
    );
}

#[test]
fn only_a_registry_that_says_so_knows_no_schema() {
    let (address, _) = serve(answer);
    let url = format!("http://{address}/api");
    let there = registry(RegistryAccess { url, ..Default::default() });
    let elsewhere = registry(RegistryAccess { url: format!("http://{address}/else"), ..Default::default() });
    assert!(there.schema(404).is_err_and(|error| error.is_final()));
    for (error, wanted) in [
        (there.schema(500), "does not answer: 503"),
        (there.schema(401), "answers 401 Unauthorized who are you?"),
        (there.schema(200), "answers what is no answer of a schema registry"),
        (elsewhere.schema(7), "answers 404"),
    ] {
        let error = error.expect_err("no schema");
        assert!(!error.is_final() && error.to_string().contains(wanted), "{error}");
    }
    let nobody = registry(RegistryAccess { url: "http://127.0.0.1:1".to_owned(), ..Default::default() });
    let error = nobody.schema(7).expect_err("nobody listens");
    assert!(matches!(error, RegistryError::Away { .. }), "{error}");
}

#[test]
fn secrets_are_sent_and_never_shown() {
    let (address, log) = serve(answer);
    let url = format!("http://us%40r:pa%2Fss@{address}/api");
    let access = RegistryAccess { url, ..Default::default() };
    let by_address = registry(access.clone());
    let by_token = registry(RegistryAccess { token: "t0ken".to_owned(), ..access.clone() });
    for registry in [&by_address, &by_token] {
        registry.schema(7).expect("it is there");
        for said in [format!("{registry:?}"), registry.schema(404).expect_err("unknown").to_string()] {
            assert!(!said.contains("ss@") && !said.contains("t0ken"), "{said}");
        }
    }
    assert!(!format!("{access:?}").contains("ss@"), "{access:?}");
    let authorizations: Vec<String> =
        log.lock().expect("a whole list").iter().map(|(_, authorization)| authorization.clone()).collect();
    assert_eq!(authorizations[0], "Basic dXNAcjpwYS9zcw==");
    assert_eq!(authorizations[2], "Bearer t0ken");
    let secret = RegistryAccess { url: "secret".to_owned(), ..Default::default() };
    let refused = HttpRegistry::new(&secret).expect_err("no address").to_string();
    assert!(!refused.contains("secret") && refused.contains("http://host:port/path"), "{refused}");
}
