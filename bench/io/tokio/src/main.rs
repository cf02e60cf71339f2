// bench/io/tokio/src/main.rs: the echo server on Tokio's current-thread runtime, a task a connection.

use std::io::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    if words.len() != 3 || words[1] != "--port" {
        eprintln!("usage: io_tokio --port PORT");
        std::process::exit(2);
    }
    let port: u16 = words[2].parse().expect("a port");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (peer, _) = listener.accept().await?;
            peer.set_nodelay(true)?;
            tokio::spawn(async move {
                // What a peer does to its own connection concerns nobody else.
                let _ = echo(peer).await;
            });
        }
    })
}

async fn echo(mut peer: TcpStream) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let got = peer.read(&mut buffer).await?;
        if got == 0 {
            return Ok(());
        }
        peer.write_all(&buffer[..got]).await?;
    }
}
