//! The command line. What is written here is the help and the manual.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  rolltop login desk.example.org       sign in, and remember it
  rolltop new research --wait          a desktop, ready for use
  rolltop exec research -- uname -a    run something in it
  rolltop cp report.pdf research:      bring a file to it
  rolltop ssh research                 a shell in it
  rolltop ls --json                    for programs

A desktop is meant by its name, its id, or the beginning of its id.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not signed in, not allowed or the certificate not
trusted, 4 no such thing, 5 not possible in this state, 6 server or desktop not reached, 7 waited too long.";

/// Desktops for AI agents and the people they work for.
#[derive(Parser)]
#[command(name = "rolltop", version, arg_required_else_help = true, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args)]
pub struct Global {
    /// The server, such as desk.example.org or https://desk.example.org:8443; by default the one that was
    /// signed in to last
    #[arg(long, global = true, env = "ROLLTOP_ADDRESS", value_name = "ADDRESS", value_hint = ValueHint::Hostname)]
    pub address: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Trust servers whose certificate one of these has signed (PEM)
    #[arg(long, global = true, env = "ROLLTOP_CA_FILE", value_name = "FILE", value_hint = ValueHint::FilePath,
        conflicts_with = "fingerprint")]
    pub ca_file: Option<PathBuf>,
    /// Trust the server with exactly this certificate: its SHA-256 fingerprint
    #[arg(long, global = true, env = "ROLLTOP_FINGERPRINT", value_name = "HEX")]
    pub fingerprint: Option<String>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Sign in to a server
    Login(Login),
    /// Forget a server's credential
    Logout,
    /// Show who is signed in where
    Status,
    /// Make a desktop
    #[command(after_help = "Examples:\n  rolltop new research\n  rolltop new build --size l --wait")]
    New(New),
    /// List desktops
    #[command(visible_alias = "list")]
    Ls(List),
    /// Show everything that is known of a desktop
    Show {
        /// The desktop
        name: String,
    },
    /// Start desktops; a suspended one resumes where it was
    Start(Which),
    /// Stop desktops: their systems shut down, their disks stay
    Stop(Which),
    /// Suspend desktops: memory and all is kept on the host's disk
    Suspend(Which),
    /// Resume suspended desktops where they were
    Resume(Which),
    /// Say when a desktop sleeps by itself, or show that and what keeps it awake
    #[command(after_help = "\
A desktop never sleeps by itself unless this says so, and never while it is used or works. Whatever comes
to it later - its page, ssh, a command, a preview - resumes it and waits a second.
  rolltop sleep research
  rolltop sleep research --after 30
  rolltop sleep research --awake \"mon-fri 8-19\"
  rolltop sleep research --never")]
    Sleep(SetSleep),
    /// Hold a desktop awake for a while, whatever its policy says
    #[command(
        after_help = "Examples:\n  rolltop hold research --for 2h --reason \"nightly tests\"\n  rolltop hold research --release"
    )]
    Hold(HoldAwake),
    /// Say whether a desktop starts again by itself after its host was restarted
    Autostart {
        /// The desktop
        name: String,
        /// on or off
        wanted: Switch,
    },
    /// Show the size of a desktop's screen, fix it, or have it follow the window of whoever uses it
    #[command(after_help = "Examples:\n  rolltop screen research 1280x800\n  rolltop screen research follow")]
    Screen {
        /// The desktop
        name: String,
        /// WIDTHxHEIGHT in pixels, or follow
        wanted: Option<String>,
    },
    /// Fork a desktop: make others that begin as it is now, memory and all
    #[command(
        after_help = "Examples:\n  rolltop fork research\n  rolltop fork research --as try --count 10 --wait\n  rolltop fork --snapshot snp_01k9abc2def3ghj4kmn5pqrs6t"
    )]
    Fork(Fork),
    /// Take a snapshot of a desktop, memory and all
    Snapshot(TakeSnapshot),
    /// Go back to a snapshot; what the desktop is now is kept first, for a day
    Restore {
        /// The snapshot: its id, or its name
        snapshot: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Snapshots: list and delete them
    #[command(subcommand)]
    Snapshots(Snapshots),
    /// Write a desktop to a file: its disk with all that is on it, but not its memory
    #[command(after_help = "\
The file can be taken in here or by another Rolltop. It is not encrypted: whoever has it has all that is on the
desktop's disk. tar reads it, too.
  rolltop export research
  rolltop export research -o - | ssh backup 'cat > research.rolltop'
  rolltop export --snapshot before-the-upgrade -o research.rolltop")]
    Export(Export),
    /// Make a desktop of a file that was exported
    #[command(
        after_help = "Nothing is made unless the whole file is right. What came in stays as a snapshot, too."
    )]
    Import(Import),
    /// Set a desktop up with a git repository and a script, or show how far that has come
    #[command(after_help = "\
The repository is cloned into the home folder, then the script is run in it, as user desk. The desktop can be used
meanwhile, and does not fall asleep.
  rolltop setup research
  rolltop setup research --git https://example.org/tools.git --script prepare.sh --wait
  rolltop setup research --again")]
    Setup(SetUpDesktop),
    /// Copies of snapshots off this host: make, list, fetch and delete them
    #[command(subcommand)]
    Copies(Copies),
    /// Templates of your own: make them of desktops, list and delete them
    #[command(subcommand)]
    Templates(Templates),
    /// Stop desktops and start them again; a suspended one boots from its disk
    Restart(Which),
    /// End all that runs in desktops, saved or not; their screens begin anew, and system services go on
    #[command(after_help = "Examples:\n  rolltop end-processes research")]
    EndProcesses {
        /// The desktops
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Give a desktop another size: its disk grows at once, processors and memory change when it is restarted
    #[command(
        after_help = "Examples:\n  rolltop resize research --disk 60\n  rolltop resize research --size m --restart --wait"
    )]
    Resize(ResizeDesktop),
    /// Destroy desktops; what they were is kept for a day, and undo brings it back
    #[command(visible_alias = "destroy")]
    Rm(Remove),
    /// Bring back what a desktop was before it was stopped, restarted, destroyed or put back
    #[command(
        after_help = "What it is now is kept first, so undo undoes itself. What undo brings back is kept for a day."
    )]
    Undo {
        /// The desktop: its name, its id, or the beginning of one; it may be gone
        name: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Run a command in a desktop, over the API
    #[command(after_help = "\
Input, output and the exit code are the command's own, so it fits into a pipeline:
  tar c src | rolltop exec research -- tar x -C /home/desk
  rolltop exec research -- journalctl -b | grep -i error

The command runs as user desk, without a terminal; for one, use rolltop ssh. Ctrl-C is passed on,
a second one leaves. It exits with the command's code, with 128 and the number of the signal that ended
the command, with 127 or 126 where it was not found or can't be run, and with 255 for trouble on the way.")]
    Exec(Exec),
    /// Copy files and folders to or from a desktop, over the API
    #[command(after_help = "\
One side is a desktop, NAME:PATH; what is not absolute begins at /home/desk. As with cp, what is
copied goes into a destination that is a folder, or takes its name.
  rolltop cp report.pdf research:
  rolltop cp src research:/home/desk/project
  rolltop cp research:results/ .
Permissions to execute are kept. Links, pipes and devices are left out. What can't be read is left
out too, and then the exit code is 1.")]
    Cp(Copy),
    /// Open a shell in a desktop with the ssh that is installed here
    #[command(after_help = "\
Host keys come from the server, so nothing is asked and nothing is trusted at first sight. What is
set for all hosts in your own ssh configuration applies.
  rolltop ssh research
  rolltop ssh research -- make -C project test
  rolltop ssh research --option LocalForward=8000:localhost:8000")]
    Ssh(Ssh),
    /// Write what ssh, scp, rsync and editors need to reach your desktops by name
    #[command(after_help = "\
Writes ~/.ssh/rolltop/ and a line in ~/.ssh/config that includes it. Run it again after making or
renaming desktops. Then: ssh research.rolltop, scp report.pdf research.rolltop: and so on.")]
    SshConfig(SshConfig),
    /// Lead ports of this machine to ports inside a desktop, over the API
    #[command(after_help = "\
Only programs on this machine reach them, unless an address is given. Goes on until interrupted.
  rolltop forward research 3000
  rolltop forward research 8000:3000 5432
  rolltop forward research 0.0.0.0:8000:3000")]
    Forward(Forward),
    /// Open a desktop in the browser
    Open {
        /// The desktop
        name: String,
        /// Only print the address
        #[arg(long)]
        print: bool,
    },
    /// Show the last of what a desktop wrote on its console
    Logs {
        /// The desktop
        name: String,
    },
    /// What a desktop used: processors, memory, disk and network
    Usage {
        /// The desktop
        name: String,
        /// How long to look back
        #[arg(long, value_enum, default_value = "hour")]
        span: Span,
    },
    /// Show what became of a desktop: what was done with it, by whom, and how long it took
    History {
        /// The desktop
        name: String,
    },
    /// Show what happens
    Events(Events),
    /// SSH keys that open your desktops
    #[command(subcommand, visible_alias = "ssh-keys")]
    Keys(Keys),
    /// API keys, for programs
    #[command(subcommand)]
    ApiKeys(ApiKeys),
    /// Show and choose servers
    Config {
        /// What to do; by default list them
        #[command(subcommand)]
        command: Option<Config>,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  rolltop completions bash > ~/.local/share/bash-completion/completions/rolltop"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual's pages, or print the first
    Man {
        /// Folder to write all pages to
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct Login {
    /// The server; like --address
    #[arg(value_name = "ADDRESS", value_hint = ValueHint::Hostname)]
    pub server: Option<String>,
    /// Sign in with an API key, read from standard input or asked for; never an argument, which others
    /// could see
    #[arg(long)]
    pub api_key: bool,
}

#[derive(Args)]
pub struct New {
    /// Its name, also its host name; chosen for you where it is absent
    pub name: Option<String>,
    /// s (2 vCPU, 2 GiB, 20 GiB disk), m (2, 4, 40) or l (4, 8, 80)
    #[arg(long, short)]
    pub size: Option<String>,
    /// The template to make it from
    #[arg(long, short)]
    pub template: Option<String>,
    /// The size that its screen keeps, such as 1280x800; by default it follows the window of whoever uses it
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub screen: Option<String>,
    #[command(flatten)]
    pub prepare: Prepare,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Export {
    /// The desktop, as it is now
    #[arg(conflicts_with = "snapshot")]
    pub name: Option<String>,
    /// A snapshot instead: its id or name
    #[arg(long)]
    pub snapshot: Option<String>,
    /// The file, by default NAME.rolltop; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Import {
    /// What was exported
    pub file: String,
    /// The new desktop's name, by default the one it had
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub wait: Wait,
}

/// What a desktop is set up with.
#[derive(Args)]
pub struct Prepare {
    /// A git repository to clone into the home folder; its address, without a password
    #[arg(long, value_name = "URL")]
    pub git: Option<String>,
    /// A branch or tag of the repository
    #[arg(long, requires = "git")]
    pub branch: Option<String>,
    /// A script to run afterwards, in the repository where there is one; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub script: Option<String>,
}

#[derive(Args)]
pub struct SetUpDesktop {
    /// The desktop
    pub name: String,
    #[command(flatten)]
    pub prepare: Prepare,
    /// Do again what it was set up with before
    #[arg(long, conflicts_with_all = ["git", "script"])]
    pub again: bool,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Wait {
    /// Wait until it is done
    #[arg(long, short)]
    pub wait: bool,
    /// How long to wait at most, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
}

#[derive(Args)]
pub struct List {
    /// Only those whose name contains this
    pub text: Option<String>,
    /// Only those in this state: running, suspended, stopped, failed …
    #[arg(long)]
    pub state: Option<String>,
    /// Only ids
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct Which {
    /// The desktops
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Args)]
pub struct SetSleep {
    /// The desktop
    pub name: String,
    /// Suspend it once it was not used for so many minutes
    #[arg(long, value_name = "MINUTES", conflicts_with = "never")]
    pub after: Option<u32>,
    /// Keep it awake at these times, and start it at their beginning, such as "mon-fri 8-19"; outside of them it
    /// sleeps once it is not used
    #[arg(long, value_name = "SCHEDULE", conflicts_with = "never")]
    pub awake: Option<String>,
    /// The time zone of the schedule, such as Europe/Berlin; by default this machine's
    #[arg(long, value_name = "ZONE", requires = "awake")]
    pub zone: Option<String>,
    /// Forget the schedule
    #[arg(long, conflicts_with_all = ["awake", "never"])]
    pub no_schedule: bool,
    /// Never let it sleep by itself
    #[arg(long)]
    pub never: bool,
}

#[derive(Args)]
pub struct HoldAwake {
    /// The desktop
    pub name: String,
    /// For how long, such as 30m, 2h or 1d
    #[arg(long = "for", value_name = "TIME", default_value = "2h")]
    pub lasts: String,
    /// What for
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Let go of everything that holds it
    #[arg(long, conflicts_with_all = ["lasts", "reason"])]
    pub release: bool,
}

#[derive(Args)]
pub struct Fork {
    /// The desktop
    #[arg(required_unless_present = "snapshot", conflicts_with = "snapshot")]
    pub name: Option<String>,
    /// A snapshot to fork instead: its id, or its name
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
    /// What to call it, or what the names of several begin with; by default the origin's, with a number
    #[arg(long = "as", value_name = "NAME")]
    pub fork_name: Option<String>,
    /// How many
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    pub count: u32,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct TakeSnapshot {
    /// The desktop
    pub name: String,
    /// What to call it; by default the time
    #[arg(long = "as", value_name = "NAME")]
    pub snapshot_name: Option<String>,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Subcommand)]
pub enum Snapshots {
    /// List them
    #[command(visible_alias = "list")]
    Ls {
        /// Only those of this desktop
        #[arg(value_name = "DESKTOP")]
        name: Option<String>,
    },
    /// Delete snapshots; desktops that were made from them stay
    Rm {
        /// Ids or names
        #[arg(required = true, value_name = "SNAPSHOT")]
        snapshots: Vec<String>,
    },
    /// Take snapshots of a desktop by a schedule, or show it
    #[command(after_help = "Example:\n  rolltop snapshots schedule research --every 6 --keep 4 --days 7")]
    Schedule(SetSnapshotSchedule),
}

#[derive(Args)]
pub struct SetSnapshotSchedule {
    /// The desktop
    pub name: String,
    /// Hours from one to the next
    #[arg(long, value_name = "HOURS")]
    pub every: Option<u32>,
    /// How many of the latest stay; 4 where nothing else was said
    #[arg(long, value_name = "N")]
    pub keep: Option<u32>,
    /// And the latest of each of so many days; none where nothing else was said
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
    /// Whether each is also copied off the host, for as long as it stays
    #[arg(long, value_name = "true|false")]
    pub copies: Option<bool>,
    /// Take none any more
    #[arg(long, conflicts_with_all = ["every", "keep", "days", "copies"])]
    pub never: bool,
}

#[derive(Subcommand)]
pub enum Copies {
    /// Copy snapshots to where the operator keeps such; encrypted before they leave
    Add {
        /// Ids or names of snapshots
        #[arg(required = true, value_name = "SNAPSHOT")]
        snapshots: Vec<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// List them
    #[command(visible_alias = "list")]
    Ls,
    /// Make a desktop of one
    Fetch {
        /// Its id or name
        #[arg(value_name = "COPY")]
        copy: String,
        /// The new desktop's name, by default the one it had
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete them; their snapshots stay
    Rm {
        /// Ids or names
        #[arg(required = true, value_name = "COPY")]
        copies: Vec<String>,
    },
}

#[derive(Subcommand)]
pub enum Templates {
    /// Make a template of a desktop as it is now, cleaned of identities and secrets
    #[command(
        after_help = "Example: rolltop templates save research --as tools --wait, then rolltop new lab --template tools"
    )]
    Save(SaveTemplate),
    /// List the log-ins, keys and passwords that a template of a running desktop will not have
    Logins {
        /// The desktop
        name: String,
    },
    /// List what desktops can be made from
    Ls,
    /// Delete templates of your own; desktops that were made of them stay
    Rm {
        /// Their names, which mean all their versions, or versions
        #[arg(required = true)]
        templates: Vec<String>,
    },
}

#[derive(Args)]
pub struct SaveTemplate {
    /// The desktop
    pub name: String,
    /// What to call the template; saving under it again makes a newer version
    #[arg(long = "as", value_name = "TEMPLATE")]
    pub template: String,
    /// For people, instead of its name
    #[arg(long)]
    pub title: Option<String>,
    /// More about it
    #[arg(long)]
    pub description: Option<String>,
    /// Leave the log-ins of a tool in it, such as github; may be given several times. `rolltop templates logins` lists them
    #[arg(long, value_name = "TOOL")]
    pub keep: Vec<String>,
    #[command(flatten)]
    pub wait: Wait,
}

/// How long to look back.
#[derive(Clone, Copy, ValueEnum)]
pub enum Span {
    Hour,
    Day,
    /// 30 days
    Month,
}

#[derive(Args)]
pub struct ResizeDesktop {
    /// The desktop
    pub name: String,
    /// s, m or l
    #[arg(long, required_unless_present = "disk")]
    pub size: Option<String>,
    /// GiB, which can only be more than before
    #[arg(long, value_name = "GIB")]
    pub disk: Option<u64>,
    /// Restart it, if that is needed for the new size; programs in it end
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Remove {
    /// The desktops
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Keep nothing, not even for a day
    #[arg(long)]
    pub for_good: bool,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Exec {
    /// The desktop
    pub name: String,
    /// The command and its arguments, each as it is: no shell reads them in the desktop
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub words: Vec<String>,
    /// Folder in the desktop to run it in
    #[arg(long, short = 'C', value_name = "DIR")]
    pub cwd: Option<String>,
    /// A variable for it
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Give it no input
    #[arg(long, short = 'n')]
    pub no_stdin: bool,
    /// End it after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
}

#[derive(Args)]
pub struct Copy {
    /// What to copy, and where to
    #[arg(required = true, num_args = 2.., value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,
}

#[derive(Args)]
pub struct Ssh {
    /// The desktop
    pub name: String,
    /// File with the private key to use, on the way too; by default ssh's own choice
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
    /// An option for ssh, as its -o takes it
    #[arg(long, short, value_name = "OPTION")]
    pub option: Vec<String>,
    /// A command to run instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}

#[derive(Args)]
pub struct SshConfig {
    /// File with the private key to use; by default ssh's own choice
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
    /// Print the Host blocks and write nothing
    #[arg(long)]
    pub print: bool,
    /// The folder to write to, instead of ~/.ssh; ssh -F DIR/rolltop/SERVER.conf uses it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
}

#[derive(Args)]
pub struct Forward {
    /// The desktop
    pub name: String,
    /// REMOTE, LOCAL:REMOTE or ADDRESS:LOCAL:REMOTE; 0 as LOCAL takes any free port
    #[arg(required = true, value_name = "PORTS")]
    pub ports: Vec<String>,
}

#[derive(Args)]
pub struct Events {
    /// Only those about this desktop
    pub name: Option<String>,
    /// Go on until interrupted, over breaks of the connection too
    #[arg(long, short)]
    pub follow: bool,
    /// Only those after this number; 0 for all that are kept
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
}

#[derive(Subcommand)]
pub enum Keys {
    /// List them
    #[command(visible_alias = "list")]
    Ls,
    /// Add a public key
    Add {
        /// File with the public key, - for standard input; by default the first of ~/.ssh/id_*.pub
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// What to call it; by default its comment
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove a key: what it has open is closed
    Rm {
        /// Its name, its id, its fingerprint, or the beginning of one
        key: String,
    },
}

#[derive(Subcommand)]
pub enum ApiKeys {
    /// List them
    #[command(visible_alias = "list")]
    Ls,
    /// Make a key; its secret is printed this once
    #[command(
        after_help = "Example:\n  rolltop api-keys create nightly --scope desktops:read --scope exec --days 90 > key"
    )]
    Create(CreateKey),
    /// Revoke a key: what it has open is closed
    Revoke {
        /// Its name, its id, or the beginning of one
        key: String,
    },
}

#[derive(Args)]
pub struct CreateKey {
    /// What it is for
    pub name: String,
    /// What it may do, such as desktops:read; may be given several times
    #[arg(long, short, required = true)]
    pub scope: Vec<String>,
    /// The only desktop it is to be good for
    #[arg(long, value_name = "NAME")]
    pub desktop: Option<String>,
    /// It ends after so many days; by default never
    #[arg(long)]
    pub days: Option<u32>,
}

#[derive(Subcommand)]
pub enum Config {
    /// List the servers that are known
    #[command(visible_alias = "list")]
    Ls,
    /// Choose the server that is meant from now on
    Use {
        /// Its address
        server: String,
    },
    /// Print where everything is kept
    Path,
}
