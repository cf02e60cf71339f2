// bench/timer/tokio/src/main.rs: a thousand tasks sleep for 50 ms, as often as the argument says; prints nanoseconds.

use std::time::{Duration, Instant};

fn main() {
    let times: u32 = std::env::args().nth(1).expect("how often").parse().expect("a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let began = Instant::now();
    for _ in 0..times {
        runtime.block_on(async {
            let all: Vec<_> = (0..1000)
                .map(|_| tokio::spawn(tokio::time::sleep(Duration::from_millis(50))))
                .collect();
            for one in all {
                one.await.expect("a sleep");
            }
        });
    }
    println!("{}", began.elapsed().as_nanos());
}
