//! OpenPGP signatures and digests: the only maker of verified values
