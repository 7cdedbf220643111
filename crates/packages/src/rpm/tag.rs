//! Numbers of the header's entries, as far as this crate or a package database needs them (rpm's `rpmtag.h`).

/// Regions: what was sealed together when the package was built, or signed.
pub const REGION_SIGNATURES: u32 = 62;
pub const REGION_IMMUTABLE: u32 = 63;

/// Entries of the signature header.
pub mod signature {
    /// OpenPGP signature of the header by a key other than RSA.
    pub const HEADER_OTHER: u32 = 267;
    /// OpenPGP signature of the header by an RSA key.
    pub const HEADER_RSA: u32 = 268;
    pub const HEADER_SHA1: u32 = 269;
    pub const LONG_SIZE: u32 = 270;
    pub const LONG_ARCHIVE_SIZE: u32 = 271;
    pub const HEADER_SHA256: u32 = 273;
    pub const FILE_SIGNATURES: u32 = 274;
    pub const FILE_SIGNATURE_LENGTH: u32 = 275;
    /// Bytes of header and payload.
    pub const SIZE: u32 = 1000;
    /// OpenPGP signature of header and payload by an RSA key.
    pub const PACKAGE_RSA: u32 = 1002;
    pub const PACKAGE_MD5: u32 = 1004;
    /// OpenPGP signature of header and payload by a key other than RSA.
    pub const PACKAGE_OTHER: u32 = 1005;
    /// Bytes of the payload when decompressed.
    pub const ARCHIVE_SIZE: u32 = 1007;
    /// Zeros, kept free for a signature.
    pub const RESERVED: u32 = 1008;
    /// As [`RESERVED`], where the sizes are long ones.
    pub const LONG_RESERVED: u32 = 999;
}

pub const NAME: u32 = 1000;
pub const VERSION: u32 = 1001;
pub const RELEASE: u32 = 1002;
pub const EPOCH: u32 = 1003;
pub const BUILD_TIME: u32 = 1006;
pub const INSTALL_TIME: u32 = 1008;
pub const SIZE: u32 = 1009;
pub const VENDOR: u32 = 1011;
pub const LICENSE: u32 = 1014;
pub const GROUP: u32 = 1016;
pub const ARCHITECTURE: u32 = 1022;
pub const SOURCE_PACKAGE: u32 = 1044;

pub const PRE_INSTALL: u32 = 1023;
pub const POST_INSTALL: u32 = 1024;
pub const PRE_UNINSTALL: u32 = 1025;
pub const POST_UNINSTALL: u32 = 1026;
pub const VERIFY_SCRIPT: u32 = 1079;
pub const PRE_INSTALL_PROGRAM: u32 = 1085;
pub const POST_INSTALL_PROGRAM: u32 = 1086;
pub const PRE_UNINSTALL_PROGRAM: u32 = 1087;
pub const POST_UNINSTALL_PROGRAM: u32 = 1088;
pub const VERIFY_SCRIPT_PROGRAM: u32 = 1091;
pub const PRE_TRANSACTION: u32 = 1151;
pub const POST_TRANSACTION: u32 = 1152;
pub const PRE_TRANSACTION_PROGRAM: u32 = 1153;
pub const POST_TRANSACTION_PROGRAM: u32 = 1154;
pub const PRE_INSTALL_FLAGS: u32 = 5020;
pub const POST_INSTALL_FLAGS: u32 = 5021;
pub const PRE_UNINSTALL_FLAGS: u32 = 5022;
pub const POST_UNINSTALL_FLAGS: u32 = 5023;
pub const PRE_TRANSACTION_FLAGS: u32 = 5024;
pub const POST_TRANSACTION_FLAGS: u32 = 5025;
pub const VERIFY_SCRIPT_FLAGS: u32 = 5026;
pub const PRE_UNINSTALL_TRANSACTION: u32 = 5104;
pub const POST_UNINSTALL_TRANSACTION: u32 = 5105;
pub const PRE_UNINSTALL_TRANSACTION_PROGRAM: u32 = 5106;
pub const POST_UNINSTALL_TRANSACTION_PROGRAM: u32 = 5107;
pub const PRE_UNINSTALL_TRANSACTION_FLAGS: u32 = 5108;
pub const POST_UNINSTALL_TRANSACTION_FLAGS: u32 = 5109;

pub const TRIGGER_SCRIPTS: u32 = 1065;
pub const TRIGGER_NAME: u32 = 1066;
pub const TRIGGER_VERSION: u32 = 1067;
pub const TRIGGER_FLAGS: u32 = 1068;
pub const TRIGGER_INDEX: u32 = 1069;
pub const TRIGGER_PROGRAM: u32 = 1092;
pub const TRIGGER_SCRIPT_FLAGS: u32 = 5027;
pub const FILE_TRIGGER_SCRIPTS: u32 = 5066;
pub const FILE_TRIGGER_PROGRAM: u32 = 5067;
pub const FILE_TRIGGER_SCRIPT_FLAGS: u32 = 5068;
pub const FILE_TRIGGER_NAME: u32 = 5069;
pub const FILE_TRIGGER_INDEX: u32 = 5070;
pub const FILE_TRIGGER_VERSION: u32 = 5071;
pub const FILE_TRIGGER_FLAGS: u32 = 5072;
pub const TRANSACTION_FILE_TRIGGER_SCRIPTS: u32 = 5076;
pub const TRANSACTION_FILE_TRIGGER_PROGRAM: u32 = 5077;
pub const TRANSACTION_FILE_TRIGGER_SCRIPT_FLAGS: u32 = 5078;
pub const TRANSACTION_FILE_TRIGGER_NAME: u32 = 5079;
pub const TRANSACTION_FILE_TRIGGER_INDEX: u32 = 5080;
pub const TRANSACTION_FILE_TRIGGER_VERSION: u32 = 5081;
pub const TRANSACTION_FILE_TRIGGER_FLAGS: u32 = 5082;
pub const FILE_TRIGGER_PRIORITIES: u32 = 5084;
pub const TRANSACTION_FILE_TRIGGER_PRIORITIES: u32 = 5085;

pub const OLD_FILE_NAMES: u32 = 1027;
pub const FILE_SIZES: u32 = 1028;
pub const FILE_STATES: u32 = 1029;
pub const FILE_MODES: u32 = 1030;
pub const FILE_TIMES: u32 = 1034;
pub const FILE_DIGESTS: u32 = 1035;
pub const FILE_LINKS: u32 = 1036;
pub const FILE_FLAGS: u32 = 1037;
pub const FILE_USERS: u32 = 1039;
pub const FILE_GROUPS: u32 = 1040;
pub const FILE_DEVICES: u32 = 1095;
pub const FILE_INODES: u32 = 1096;
pub const DIRECTORY_INDEXES: u32 = 1116;
pub const BASE_NAMES: u32 = 1117;
pub const DIRECTORY_NAMES: u32 = 1118;
pub const LONG_FILE_SIZES: u32 = 5008;
pub const LONG_SIZE: u32 = 5009;
pub const FILE_CAPABILITIES: u32 = 5010;
pub const FILE_DIGEST_ALGORITHM: u32 = 5011;

pub const PROVIDE_NAME: u32 = 1047;
pub const REQUIRE_FLAGS: u32 = 1048;
pub const REQUIRE_NAME: u32 = 1049;
pub const CONFLICT_NAME: u32 = 1054;
pub const OBSOLETE_NAME: u32 = 1090;
pub const RECOMMEND_NAME: u32 = 5046;
pub const SUGGEST_NAME: u32 = 5049;
pub const SUPPLEMENT_NAME: u32 = 5052;
pub const ENHANCE_NAME: u32 = 5055;

pub const PAYLOAD_FORMAT: u32 = 1124;
pub const PAYLOAD_COMPRESSOR: u32 = 1125;
pub const PAYLOAD_DIGEST: u32 = 5092;
pub const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;
pub const PAYLOAD_DIGEST_PLAIN: u32 = 5097;
