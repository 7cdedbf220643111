//! TLS to what is outside the inner network: whom to trust, and the handshake.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What bytes can be read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The authorities whose certificates are believed.  Clones share them.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// Why nobody can be trusted.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Not PEM.
    #[error("the certificates are not readable PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// No certificate in it.
    #[error("there is no certificate of an authority")]
    Empty,
    /// The library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Protocol(#[source] rustls::Error),
}

impl Trust {
    /// Trusts the authorities of a PEM bundle.  Certificates that the library cannot use are left out, as browsers do.
    pub fn from_pem(bundle: &[u8]) -> Result<Self, TrustError> {
        let certificates = CertificateDer::pem_slice_iter(bundle)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TrustError::Pem)?;
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TrustError::Empty);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let configuration = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Protocol)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(configuration)))
    }

    /// Shakes hands with `host`, whose certificate must name it; returns that certificate (DER) too.
    pub(crate) async fn secure(&self, host: &str, stream: TcpStream) -> io::Result<(Box<dyn Stream>, Option<Vec<u8>>)> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let stream = TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await?;
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates();
        let certificate = chain.and_then(<[_]>::first).map(|certificate| certificate.to_vec());
        Ok((Box::new(stream), certificate))
    }
}

/// Until when a certificate (DER) is valid, in seconds since 1970; nothing where it cannot be read.
pub fn valid_until(certificate: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_authority_nobody_is_trusted() {
        assert!(matches!(Trust::from_pem(b""), Err(TrustError::Empty)));
        let broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        assert!(Trust::from_pem(broken).is_err());
        assert_eq!(valid_until(b"not a certificate"), None);
    }
}
