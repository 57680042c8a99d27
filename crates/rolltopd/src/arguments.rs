//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rolltop_model::Size;

/// Rolltop's daemon: desktops for people and agents, on this machine.
#[derive(Parser)]
#[command(name = "rolltopd", version, arg_required_else_help = true)]
pub struct Arguments {
    /// The one state directory.
    #[arg(long, env = "ROLLTOP_DATA", default_value = "/var/lib/rolltop", global = true)]
    pub data: PathBuf,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Runs everything: builds and bakes the template if it isn't there, then host, api, web and ssh.
    Up(Up),
    /// The host role: QEMU, disks, memory files, networks. Runs as root.
    Host(Host),
    /// The api role: all business logic and the database.
    Api(Api),
    /// The web role: pages, sign-in and the one public port.
    Web(Web),
    /// The ssh role: the jump host for people's own SSH clients.
    Ssh(Ssh),
    /// Builds, bakes and lists templates.
    #[command(subcommand)]
    Template(Template),
    /// Checks whether this machine is fit for Rolltop, and says how to mend what is not.
    Doctor,
    /// What the operator does from the shell of the host.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum EngineKind {
    /// Real virtual machines on this host.
    #[default]
    Qemu,
    /// Simulated ones, in memory: for trying the interface and for tests.
    Sim,
    /// The same that are there at once and forgotten at the end, so that the platform alone is measured.
    #[value(hide = true)]
    SimInstant,
}

impl EngineKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Sim => "sim",
            Self::SimInstant => "sim-instant",
        }
    }
}

#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    pub web: Web,
    #[command(flatten)]
    pub ssh: Ssh,
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineKind,
    /// The static `rolltop-guest` binary that goes into the template.
    #[arg(
        long,
        value_name = "FILE",
        env = "ROLLTOP_GUEST",
        default_value = "/usr/lib/rolltop/rolltop-guest"
    )]
    pub guest: PathBuf,
    /// Folder with the template recipes.
    #[arg(long, value_name = "DIR", env = "ROLLTOP_RECIPES", default_value = "/usr/share/rolltop/templates")]
    pub recipes: PathBuf,
    /// Prints a one-time sign-in link for the owner although somebody has a password.
    #[arg(long)]
    pub sign_in_link: bool,
}

#[derive(Args)]
pub struct Host {
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineKind,
    /// Ends and removes every desktop of this state directory on this host instead of serving.
    #[arg(long)]
    pub clear: bool,
}

#[derive(Args)]
pub struct Api {
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineKind,
    /// The static `rolltop-guest` binary, put back into desktops that have lost theirs.
    #[arg(
        long,
        value_name = "FILE",
        env = "ROLLTOP_GUEST",
        default_value = "/usr/lib/rolltop/rolltop-guest"
    )]
    pub guest: PathBuf,
}

#[derive(Args)]
pub struct Web {
    /// Address and port of the public HTTPS server (default from rolltop.toml, else 0.0.0.0:8443).
    #[arg(long, env = "ROLLTOP_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// The address people type, if it is not https://localhost:PORT.
    #[arg(long, value_name = "URL", env = "ROLLTOP_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Your own certificate chain, PEM; with --tls-key. Without both, a self-made one is used.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

#[derive(Args)]
pub struct Ssh {
    /// Address and port of the jump host (default from rolltop.toml, else 0.0.0.0:2222).
    #[arg(long, env = "ROLLTOP_SSH_LISTEN")]
    pub ssh_listen: Option<SocketAddr>,
}

#[derive(Subcommand)]
pub enum Template {
    /// Makes the image of a recipe, and bakes the memory of a machine that has booted it.
    Build {
        /// Recipe folder.
        #[arg(default_value = "templates/desk")]
        recipe: PathBuf,
        #[arg(
            long,
            value_name = "FILE",
            env = "ROLLTOP_GUEST",
            default_value = "/usr/lib/rolltop/rolltop-guest"
        )]
        guest: PathBuf,
        /// Sizes to bake; the others cold-boot. May be given several times.
        #[arg(long = "bake", value_name = "SIZE", default_values = ["s"])]
        sizes: Vec<Size>,
    },
    /// Lists what is there.
    List,
}

#[derive(Subcommand)]
pub enum Admin {
    /// Prints a new API key with all scopes.
    ApiKey {
        /// What the key is for; shown in the list of keys.
        #[arg(long, default_value = "bootstrap")]
        name: String,
    },
    /// Prints a new one-time sign-in link for the owner.
    SignInLink,
    /// Finds the copies of snapshots that are kept off this host, after another one was lost. Put the lost host's
    /// `api/copies.key` in the place of this one's first.
    AdoptCopies,
    /// Copies what is in the SQLite file into the PostgreSQL database that rolltop.toml names, which has to be empty.
    /// Rolltop has to be stopped; desktops go on running.
    MoveDatabase,
    /// Removes what belongs to no desktop.
    Gc {
        /// Only print it; prints nothing when there is nothing.
        #[arg(long)]
        dry_run: bool,
    },
}
