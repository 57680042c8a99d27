//! Every command: its name, its help, which is the manual too, and what does it. Its arguments are beside that.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::api_keys::ApiKeys;
use crate::config::Config;
use crate::connect::Connection;
use crate::copies::Copies;
use crate::copy::Copy;
use crate::desktops::{Label, List, New, Remove, ResizeDesktop, Switch, Which};
use crate::events::Events;
use crate::exec::Exec;
use crate::failure::{Exit, Failure};
use crate::forward::Forward;
use crate::keys::Keys;
use crate::login::Login;
use crate::setup::SetUpDesktop;
use crate::sleep::{HoldAwake, SetSleep};
use crate::snapshots::{Fork, Snapshots, TakeSnapshot};
use crate::ssh::{Ssh, SshConfig};
use crate::templates::Templates;
use crate::transfer::{Export, Import};
use crate::usage::Span;
use crate::wait::Wait;
use crate::{
    api_keys, config, copies, copy, desktops, events, exec, forward, generate, keys, login, setup, sleep,
    snapshots, ssh, templates, transfer, usage,
};

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
    /// Show a desktop's labels and note, set and remove labels, or write the note
    #[command(
        after_help = "Examples:\n  rolltop label research team=research env=test\n  rolltop label research env- --note \"ask Ann first\"\n  rolltop ls -l team=research"
    )]
    Label(Label),
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

/// The exit code, where everything went well.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man { directory } => generate::man(directory.as_deref()),
        Command::Config { command } => config::run(command.as_ref(), global),
        Command::Logout => login::log_out(global),
        command => runtime()?.block_on(online(command, global)),
    }
}

/// One thread: there is one server to speak to.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::io("nothing could be begun", &error))
}

async fn online(command: &Command, global: &Global) -> Result<u8, Failure> {
    if let Command::Login(login) = command {
        return login::log_in(login, global).await;
    }
    let connection = Connection::open(global)?;
    match with_server(command, &connection).await {
        // Of a server that shows another certificate, whichever request found it out.
        Err(failure) if failure.exit == Exit::Unreachable as u8 => Err(connection.explain(failure).await),
        done => done,
    }
}

async fn with_server(command: &Command, connection: &Connection) -> Result<u8, Failure> {
    match command {
        Command::Status => login::status(connection).await,
        Command::New(new) => desktops::new(connection, new).await,
        Command::Ls(list) => desktops::list(connection, list).await,
        Command::Show { name } => desktops::show(connection, name).await,
        Command::Start(which) => desktops::act(connection, which, desktops::Action::Start).await,
        Command::Stop(which) => desktops::act(connection, which, desktops::Action::Stop).await,
        Command::Fork(fork) => snapshots::fork(connection, fork).await,
        Command::Snapshot(take) => snapshots::take(connection, take).await,
        Command::Restore { snapshot, wait } => snapshots::restore(connection, snapshot, wait).await,
        Command::Snapshots(which) => snapshots::run(connection, which).await,
        Command::Suspend(which) => desktops::act(connection, which, desktops::Action::Suspend).await,
        Command::Resume(which) => desktops::act(connection, which, desktops::Action::Resume).await,
        Command::Sleep(set) => sleep::run(connection, set).await,
        Command::Screen { name, wanted } => desktops::screen(connection, name, wanted.as_deref()).await,
        Command::Label(wanted) => desktops::label(connection, wanted).await,
        Command::Autostart { name, wanted } => desktops::autostart(connection, name, *wanted).await,
        Command::Hold(hold) => sleep::hold(connection, hold).await,
        Command::Restart(which) => desktops::act(connection, which, desktops::Action::Restart).await,
        Command::EndProcesses { names } => desktops::end_processes(connection, names).await,
        Command::Export(wanted) => transfer::export(connection, wanted).await,
        Command::Import(wanted) => transfer::import(connection, wanted).await,
        Command::Setup(wanted) => setup::setup(connection, wanted).await,
        Command::Copies(copies) => copies::run(connection, copies).await,
        Command::Templates(templates) => templates::templates(connection, templates).await,
        Command::Resize(resize) => desktops::resize(connection, resize).await,
        Command::Rm(which) => desktops::remove(connection, which).await,
        Command::Undo { name, wait } => snapshots::undo(connection, name, wait).await,
        Command::Open { name, print } => desktops::open(connection, name, *print).await,
        Command::Logs { name } => desktops::logs(connection, name).await,
        Command::Usage { name, span } => usage::usage(connection, name, *span).await,
        Command::History { name } => desktops::history(connection, name).await,
        Command::Exec(command) => exec::run(connection, command).await,
        Command::Cp(copy) => copy::run(connection, copy).await,
        Command::Ssh(command) => ssh::run(connection, command).await,
        Command::SshConfig(command) => ssh::configure(connection, command).await,
        Command::Forward(command) => forward::run(connection, command).await,
        Command::Events(command) => events::run(connection, command).await,
        Command::ApiKeys(command) => api_keys::run(connection, command).await,
        Command::Keys(command) => keys::run(connection, command).await,
        // Done before there was a connection.
        Command::Login(_)
        | Command::Logout
        | Command::Config { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(0),
    }
}
