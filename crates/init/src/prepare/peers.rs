//! By which of its addresses the others find this container: one that is on several networks would listen on the wrong one as often as not.

use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};

/// Where JGroups listens.
const PORT: u16 = 7800;

/// The one of the addresses behind the name that is this container's own; `None` where it is not among them, or not yet.
pub(super) fn own_address(peers: &str) -> Option<IpAddr> {
    let addresses = (peers, PORT).to_socket_addrs().ok()?;
    addresses
        .map(|address| address.ip())
        .find(|address| address.is_ipv4() && is_ours(*address))
}

/// Only an address of this machine can be bound to; nothing is sent.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_not_ours() {
        assert_eq!(own_address("127.0.0.1"), Some(IpAddr::from([127, 0, 0, 1])));
        // TEST-NET-1 (RFC 5737) is nobody's.
        assert_eq!(own_address("192.0.2.1"), None);
        assert_eq!(own_address("no such name"), None);
    }
}
