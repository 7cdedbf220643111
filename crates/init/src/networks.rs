//! Variables that hold networks, which a server's configuration takes in as they stand: checked, and `host` put into addresses.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::failure::{Class, Failure};

/// The machine that the container runs on: how it calls itself, or its address on the container's network.
const HOST: &str = "host";
const NOBODY: &str = "none";
/// The address of no client, for a configuration that wants one.
const NO_CLIENT: &str = "255.255.255.255";

#[derive(Debug, Error)]
#[error("the variable `{variable}` has `{word}`, which is no network")]
pub struct NetworkError {
    variable: String,
    word: String,
}

impl Failure for NetworkError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "addresses such as 192.0.2.7, networks such as 192.0.2.0/24 or 2001:db8::/32, `host`, or `none`".to_owned(),
        )
    }
}

/// What the services see in place of these variables: words with a space between them.
pub fn translate(
    variables: &[String],
    value: impl Fn(&str) -> Option<OsString>,
    gateways: &[IpAddr],
) -> Result<BTreeMap<String, String>, NetworkError> {
    let mut translated = BTreeMap::new();
    for variable in variables {
        let Some(value) = value(variable) else { continue };
        let networks = words(&value.to_string_lossy(), gateways).map_err(|word| NetworkError {
            variable: variable.clone(),
            word,
        })?;
        translated.insert(variable.clone(), networks);
    }
    Ok(translated)
}

fn words(value: &str, gateways: &[IpAddr]) -> Result<String, String> {
    let mut networks = Vec::new();
    for word in value.split([' ', ',', '\t', '\n']).filter(|word| !word.is_empty()) {
        match word {
            NOBODY => {}
            HOST => {
                networks.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
                networks.extend(gateways.iter().map(ToString::to_string));
            }
            network if parse(network).is_some() => networks.push(network.to_owned()),
            other => return Err(other.to_owned()),
        }
    }
    if networks.is_empty() {
        networks.push(NO_CLIENT.to_owned());
    }
    Ok(networks.join(" "))
}

/// The address of a network, or of one machine; None: it is neither.
pub(crate) fn parse(word: &str) -> Option<IpAddr> {
    let (address, prefix) = word
        .split_once('/')
        .map_or((word, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let is_prefix = |prefix: &str| {
        prefix.bytes().all(|byte| byte.is_ascii_digit()) && prefix.parse::<u8>().is_ok_and(|bits| bits <= longest)
    };
    prefix.is_none_or(is_prefix).then_some(address)
}

/// The default routes' gateways, out of the texts of `/proc/net/route` and `/proc/net/ipv6_route`.  On a container's network that is
/// the machine itself: requests to a port that it publishes on its loopback come from there.
pub fn gateways(route: &str, ipv6_route: &str) -> Vec<IpAddr> {
    let v4 = route.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, "00000000", gateway, ..] = fields[..] else {
            return None;
        };
        // In the byte order of the machine, which is that of every machine that images are built for.
        let address = u32::from_str_radix(gateway, 16).ok()?.swap_bytes();
        (address != 0).then(|| IpAddr::V4(Ipv4Addr::from_bits(address)))
    });
    let v6 = ipv6_route.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [destination, "00", _, _, gateway, ..] = fields[..] else {
            return None;
        };
        let is_default = destination.bytes().all(|digit| digit == b'0');
        let address = u128::from_str_radix(gateway, 16).ok()?;
        (is_default && address != 0).then(|| IpAddr::V6(Ipv6Addr::from_bits(address)))
    });
    v4.chain(v6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                         eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                         eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
    const IPV6_ROUTE: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                              fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0\n\
                              00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                              00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

    fn translated(value: &str) -> Result<String, NetworkError> {
        let gateways = gateways(ROUTE, IPV6_ROUTE);
        translate(&["NETWORKS".to_owned()], |_| Some(value.into()), &gateways)
            .map(|mut variables| variables.remove("NETWORKS").unwrap())
    }

    #[test]
    fn the_host_is_the_loopback_and_the_gateway() {
        assert_eq!(translated("host").unwrap(), "127.0.0.1 ::1 172.18.0.1 fd00::1");
        assert_eq!(
            translated("10.0.0.0/8, 2001:db8::/32").unwrap(),
            "10.0.0.0/8 2001:db8::/32"
        );
    }

    #[test]
    fn nobody_is_an_address_that_no_client_has() {
        assert_eq!(translated("none").unwrap(), NO_CLIENT);
        assert_eq!(translated(" ").unwrap(), NO_CLIENT);
    }

    #[test]
    fn what_is_no_network_never_reaches_a_configuration() {
        for value in [
            "all",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.1\"",
            "example.org",
            "::1/129",
            "host granted",
            "10.0.0.0/",
        ] {
            let error = translated(value).unwrap_err();
            assert!(error.to_string().contains("`NETWORKS`"), "{error}");
        }
    }

    #[test]
    fn routes_without_a_default_name_nobody() {
        assert!(gateways("", "").is_empty());
        assert!(gateways("Iface\nnonsense", "0 00 0").is_empty());
    }
}
