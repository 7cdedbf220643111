//! Clients that ask Apache, PHP-FPM and the database how they are
