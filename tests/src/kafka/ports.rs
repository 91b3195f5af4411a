//! Ports that nobody listens on.

use std::net::TcpListener;

/// `N` different ports of the loopback interface that were free a moment ago.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("the loopback interface has a free port");
    // All are held until the last one is known, so that none comes twice.
    let listeners: [TcpListener; N] = std::array::from_fn(bind);
    listeners.map(|listener| listener.local_addr().expect("a bound port").port())
}
