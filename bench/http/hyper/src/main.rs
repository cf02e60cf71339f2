// bench/http/hyper/src/main.rs: the HTTP contender on hyper, as its guide writes it, on Tokio's current-thread runtime.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderValue, AUTHORIZATION, CONTENT_TYPE};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::{rc::Rc, time::Duration};
use tokio::signal::unix::{signal, SignalKind};

// What /v1/models is answered from: the keys by their text, and the list as it is sent.
struct Shared {
    keys: HashMap<String, usize>,
    models: Bytes,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let options = Options::of(std::env::args().skip(1))?;
    let shared = Rc::new(options.read()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, serve(options.port, shared))
}

async fn serve(port: u16, shared: Rc<Shared>) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::task::spawn_local(async move {
        terminate.recv().await;
        std::process::exit(0);
    });
    loop {
        let (peer, _) = listener.accept().await?;
        peer.set_nodelay(true)?;
        let shared = shared.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(|asked| {
                let answered = answer(&shared, asked);
                async move { Ok::<_, Infallible>(answered) }
            });
            // What a peer does to its own connection concerns nobody else.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(30))
                .pipeline_flush(true) // the answers to one read leave in one write
                .serve_connection(TokioIo::new(peer), service)
                .await;
        });
    }
}

fn answer(shared: &Shared, asked: Request<Incoming>) -> Response<Full<Bytes>> {
    match (asked.method(), asked.uri().path()) {
        (&Method::GET, "/health") => json(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#)),
        (&Method::GET, "/v1/models") if is_known(shared, &asked) => json(StatusCode::OK, shared.models.clone()),
        (&Method::GET, "/v1/models") => json(StatusCode::UNAUTHORIZED, Bytes::from_static(br#"{"error":"no such key"}"#)),
        _ => json(StatusCode::NOT_FOUND, Bytes::from_static(br#"{"error":"no such path"}"#)),
    }
}

fn is_known(shared: &Shared, asked: &Request<Incoming>) -> bool {
    let given = asked.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|key| shared.keys.contains_key(key))
}

fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut made = Response::new(Full::new(body));
    *made.status_mut() = status;
    made.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    made
}

#[derive(Default)]
struct Options {
    port: u16,
    keys: Option<String>,   // a file of keys, one a line
    models: Option<String>, // a file of what /v1/models answers
}

impl Options {
    fn of(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut made = Self::default();
        while let (Some(name), Some(word)) = (words.next(), words.next()) {
            match name.as_str() {
                "--port" => made.port = word.parse()?,
                "--keys" => made.keys = Some(word),
                "--models" => made.models = Some(word),
                _ => return Err("usage: http_hyper --port PORT [--keys FILE --models FILE]".into()),
            }
        }
        Ok(made)
    }

    fn read(&self) -> Result<Shared, Failure> {
        let text = |file: &Option<String>| file.as_ref().map_or(Ok(String::new()), std::fs::read_to_string);
        let keys = text(&self.keys)?.lines().enumerate().map(|(number, key)| (key.to_owned(), number)).collect();
        Ok(Shared { keys, models: text(&self.models)?.into() })
    }
}
