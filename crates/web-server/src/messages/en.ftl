product = Rolltop
language-name = English
decimal-point = .
unit-b = B
unit-kib = KiB
unit-mib = MiB
unit-gib = GiB
unit-tib = TiB

## Frame
skip-to-content = Skip to content
reconnecting = Reconnecting…
connection-unsent = Reconnecting… Until then, what you type is not sent.
connection-ended = The program that draws the screen has ended and is being started again. Until then, what you type is not sent.
connection-refused = The program that draws this desktop’s screen sends what no screen may, so it is not shown. If you did not replace that program, restart the desktop.
connection-silent = Not answering. Until it does, what you type is not sent.
rail-label = Main
rail-home = Rolltop, all desktops
rail-desktops = Desktops
rail-snapshots = Snapshots
rail-keys = Keys
rail-host = Host
rail-docs = Docs
crumbs-label = Where you are
close = Close
cancel = Cancel
dismiss = Dismiss
toasts-label = Messages
none = none
copied = Copied.
copy-what = Copy: { $what }
theme = Colours
theme-light = Light
theme-dark = Dark
theme-system = As the system
language = Language
account-of = Account of { $name }
account-unnamed = Owner
account-password = Name and password
sign-in = Sign in
sign-out = Sign out

## Command palette
palette-open = Search and run
palette-hint = Search
palette-keys = Ctrl K
palette-keys-choice = Ctrl K opens search
palette-placeholder = Go to a desktop or run an action
palette-empty = Nothing matches.
palette-actions = Actions
palette-places = Go to
palette-account = Account
run-start = Start { $name }
run-stop = Stop { $name }
run-suspend = Suspend { $name }
run-resume = Resume { $name }
run-fork = Fork { $name }
run-snapshot = Take a snapshot of { $name }
run-restart = Restart { $name }
run-retry = Try { $name } again
run-end-processes = End what runs in { $name }
run-rename = Rename { $name }
run-delete = Delete { $name }

## Signing in
sign-in-title = Sign in to Rolltop
sign-in-wrong = That name and password don’t go together. Check both and try again.
sign-in-lost = No password yet, or lost it? Ask the operator for a one‑time link.
field-name = Name
field-password = Password
field-present-password = Present password
field-new-password = New password
field-again = The same again
welcome-title = Welcome to Rolltop
welcome-text = This link signs you in once, on this browser.
welcome-go = Sign in
welcome-used-title = This link doesn’t work any more
welcome-used-help = The operator can make another with rolltopd admin sign-in-link.
password-first-title = Choose how you sign in
password-first-text = From now on you sign in with this name and password.
password-first-go = Continue
password-change = Change
password-hint = At least 10 characters. A few random words are good.
password-differs = The two passwords are not the same.

## Desktops
count-desktops = { $count ->
    [one] { $count } desktop
   *[other] { $count } desktops
}
count-found = { $found } of { $count ->
    [one] { $count } desktop
   *[other] { $count } desktops
}
new-desktop = New desktop
create = Create desktop
created = { $name } is being made.
list-more = Show more
filter-state = State
filter-all = All
filter-running = Running
filter-suspended = Suspended
filter-stopped = Stopped
filter-failed = Failed
filter-text = Find by name or label
view-label = View
view-cards = Cards
view-table = Table
empty-title = No desktops yet
empty-text = A desktop is a Linux computer of its own, with a screen you can watch and use from here. It is there in seconds.
no-match-title = Nothing matches
no-match-text = No desktop has all that was asked for.
no-match-clear = Show all
column-screen = Screen
column-name = Name
column-state = State
column-template = Template
column-size = Size
column-memory = Memory
column-disk = Disk
column-age = Made
sorted-up = sorted, ascending
sorted-down = sorted, descending
column-actions = Actions
column-version = Version
column-baked = Starts in seconds
column-built = Built
size-short = { $size } · { $vcpus } vCPU · { $memory }
size-s = Small
size-m = Medium
size-l = Large
size-processors = { $vcpus } processors
size-memory = { $memory } memory
size-disk = { $disk } GiB disk
speed-fork = There in seconds
speed-boot = Boots from cold
name-hint = Also its host name. Leave it empty and one is chosen.
rename-hint = The host name inside follows at the next start.
no-templates = There is no template yet. The operator builds one with rolltopd template build.
screen-of = Screen of { $name }
actions-of = Actions for { $name }

## States
state-pending = Waiting
state-booting = Starting
state-running = Running
state-stopping = Stopping
state-suspending = Suspending
state-suspended = Suspended
state-stopped = Stopped
state-failed = Failed
state-destroying = Deleting
step-fork = Forked
step-start = Started
step-resume = Resumed
step-door = Door open
step-personalise = Personalised
step-screen = Screen
step-status-waiting = to come
step-status-running = under way
step-status-done = done
step-status-failed = failed
reason-unknown = It could not be started. The console may tell more.

## Actions
action-start = Start
action-stop = Stop
action-suspend = Suspend
action-resume = Resume
action-fork = Fork
action-snapshot = Snapshot
action-restart = Restart
action-retry = Try again
action-end-processes = End what runs
action-rename = Rename
action-delete = Delete
confirm-stop = Stop desktop
confirm-restart = Restart desktop
confirm-end-processes = End what runs
confirm-rename = Rename
confirm-delete = Delete desktop
confirm-snapshot = Take snapshot
ask-stop = Stop { $name }?
ask-restart = Restart { $name }?
ask-end-processes = End what runs in { $name }?
ask-rename = Rename { $name }
ask-delete = Delete { $name }?
ask-snapshot = Take a snapshot of { $name }
warn-stop = It is shut down, and its programs end. Its disk stays as it is; starting it again takes as long as a cold boot. What is in memory now is kept for a day, so that you can undo this. Suspending keeps everything.
warn-restart = It boots from its disk, which stays as it is, and its programs end; so does a memory that was suspended. What is in memory now is kept for a day, so that you can undo this.
warn-end-processes = Every command, terminal, session and program in it ends at once, and what they had not saved is lost. Its screen begins anew; system services and files stay. There is no undo.
warn-snapshot = It keeps the desktop as it is now, memory and all; it goes on running.
snapshot-name-hint = Leave it empty and it is named after the time.
warn-stop-for-good = It is shut down, and its programs end. Its disk stays as it is; starting it again takes as long as a cold boot. What is in memory now is lost.
warn-restart-for-good = It boots from its disk, which stays as it is, and its programs end. What is in memory now is lost.
warn-delete = This will be gone:
warn-delete-disk = its disk, with every file on it
warn-delete-disk-of = its disk, with every file on it ({ $amount } written)
warn-delete-programs = its memory, with every program in it
warn-delete-kept = It is kept for a day as a snapshot, and can be brought back until then.
warn-bulk-delete-kept = They are kept for a day as snapshots, and can be brought back until then.
delete-for-good = Delete for good now: the keys go first, and there is no way back
done-start = { $name } is starting.
done-stop = { $name } is stopping.
done-suspend = { $name } is being suspended.
done-resume = { $name } is resuming.
done-fork = The fork { $name } is being made.
done-snapshot = A snapshot of { $name } is being taken.
done-restart = { $name } is restarting.
done-end-processes = What ran in { $name } was ended.
done-retry = { $name } is being tried again.
done-rename = Renamed to { $name }.
done-delete = { $name } is being deleted.
desktop-gone = { $name } is deleted, and kept for a day.
done-undo = { $name } is being brought back.
undo = Undo

## One desktop
panel-label = About this desktop
panel-toggle = Side panel
panel-resize = Width of the side panel
panel-wide = Whole width
panel-not-running = Only while the desktop runs.
stage-pending = Waiting for its turn
stage-booting = Starting
stage-stopping = Shutting down
stage-destroying = Deleting
stage-stopped = Stopped
stage-suspending = Writing its memory
stage-suspended = Suspended
stage-suspended-text = Programs, windows and unsaved work are on the disk as they were, and take no memory.
trouble-suspend = It could not be suspended and goes on running.
stage-stopped-text = Its disk is kept as it is. Start it to go on from there.
stage-failed = This desktop has failed
screen-connecting = Connecting to the screen…
console-title = The last lines of its console
failed-undo = What it was before is kept, memory and all:
failed-undo-disk = The disk that it had before is kept:
failed-snapshot = It can go back to its latest snapshot, or be forked from it:
bar-label = Screen
latency = How long an answer takes
leave-keys = Ctrl + Alt + Shift
screen-leave = leaves the screen
terminal-leave = leaves the terminal
bar-keys = Keys
bar-clipboard = Clipboard
bar-keyboard = Keyboard
bar-scale = Scale
bar-quality = Quality
bar-full = Full screen
key-control = Ctrl
key-alt = Alt
key-delete = Delete
key-tab = Tab
key-f4 = F4
key-f11 = F11
key-super = Super
key-escape = Escape
key-print = Print
key-left = Left
key-up = Up
key-down = Down
key-right = Right
key-bar = Vertical bar
key-tilde = Tilde
key-slash = Slash
mode-follow = Follow the window
mode-fit = Scale to fit
mode-actual = Actual size
quality-auto = Automatic
quality-sharp = Sharp
quality-balanced = Balanced
quality-light = Light on the network
clipboard-label = Clipboard of the desktop
clipboard-too-long = This text is too long for the clipboard of a desktop: more than 3 MiB. Save it as a file and drop that on the screen.
clipboard-hint = What you type here can be pasted in the desktop; what is copied there shows up here. Copy and paste with the usual keys works too.
tab-terminal = Terminal
terminal-list = Terminals
terminal-new = New terminal
terminal-close = Close terminal
terminal-search = Search what was shown
terminal-search-hint = Search, then Enter
terminal-older = Earlier
terminal-newer = Later
terminal-missed = Not found
terminal-offer = A program serves on port
terminal-offer-open = Open preview
terminal-ended = The last terminal has ended.
terminal-again = Open a terminal
terminal-closed = Terminal { $name } is closed.
terminal-ask-close = End what runs in it?
terminal-warn-close = is running in this terminal, and ends with it. There is no way back.
terminal-keys = Special keys
tab-files = Files
files-path = Folder
files-up = Up one folder
files-home = Home folder
files-hidden = Show hidden files
files-refresh = Refresh
files-folder = New folder
files-upload = Upload files
files-download = Download
files-rename = Rename
files-move = Move
files-copy = Copy
files-mode = Permissions
files-delete = Delete
files-close = Back to the folder
files-save = Save
files-empty = Nothing here yet. Drop files or folders to upload them.
files-more = There are more entries than are shown here.
files-uploads = Uploads
files-uploading = Progress
files-uploads-count = { $done } of { $all } uploaded
files-stop-uploads = Cancel all
files-broken-off = The upload broke off. Try again.
files-preview = File
files-text = Text of the file
files-picture = The picture in this file
files-pages = The pages of the file
files-page = Page { $name }
files-no-preview = This kind of file can’t be shown here. Download it to see what is in it.
files-copy-name = Copy of { $name }
files-saved = { $name } is saved.
files-changed = The file has changed meanwhile, so nothing was saved. Copy your text, then open the file again.
files-resumed = What you had not saved of { $name } is back.
files-picked = { $name } picked
files-deleting = Deleting { $done } of { $all }
files-moving = Moving { $done } of { $all }
column-file-size = Size
column-modified = Modified
ask-files-folder = New folder
ask-files-folder-label = Name
confirm-files-folder = Create folder
ask-files-rename = Rename
ask-files-rename-label = New name
confirm-files-rename = Rename
ask-files-copy = Copy
ask-files-copy-label = Name of the copy
confirm-files-copy = Copy
ask-files-move = Move
ask-files-move-label = Into the folder
confirm-files-move = Move
ask-files-mode = Permissions
ask-files-mode-label = Permission bits, in octal
confirm-files-mode = Set
ask-files-delete = Delete?
ask-files-delete-text = These will be gone, folders with everything in them. There is no way back.
confirm-files-delete = Delete
ask-files-replace = Replace?
ask-files-replace-text = These are already there and will be replaced.
confirm-files-replace = Replace
ask-files-discard = Discard changes?
ask-files-discard-text = What you changed in this file has not been saved.
confirm-files-discard = Discard
tab-activity = Activity
tab-settings = Settings
activity-start = Last start
activity-ready = Ready after { $time }.
activity-not-started = It has not been started yet.
activity-history = History
activity-access = Entered by Rolltop
activity-access-text = Each time Rolltop itself went inside, and what for.
activity-access-none = Nobody has been inside yet.
purpose-personalise = Personalised it
purpose-screen = Showed its screen
purpose-screenshot = Took a picture of its screen
purpose-file-read = Read a file
purpose-ssh = Let an SSH connection through
purpose-ssh-keys = Renewed the SSH keys that open it
purpose-terminal = Opened its terminals
purpose-files = Went about among its files
purpose-ports = Connected to its ports
purpose-exec = Ran a command
purpose-end_processes = Ended what ran in it
not-supported = Not possible here
not-supported-memory = Suspending it, and sleep: this host’s engine can’t keep a desktop’s memory. Stop it instead.
not-supported-layers = Snapshots and forks: this host’s engine can’t take them.
not-supported-images = Saving it as a template, export and import: this host’s engine can’t do that.
settings-about = About
settings-name = Name
settings-delete = Delete
settings-delete-text = It is kept for a day and can be brought back until then; or it goes for good at once.
fact-id = Id
fact-processors = Processors
fact-own = { $amount } its own
fact-made = Made
fact-started = Started

## SSH
ssh = SSH
ssh-how = From your own terminal, with a key from the page SSH keys. The same works for scp, sftp and rsync.
ssh-command = SSH command
ssh-host-key = Host key
ssh-jump-key = Jump host’s key
ssh-no-jump = The jump host is not running at the moment.
ssh-keys = SSH keys
ssh-keys-text = Each opens every desktop, by your own ssh, scp and sftp.
ssh-add = Add key
ssh-add-title = Add an SSH key
ssh-remove = Remove
ssh-empty-title = No SSH keys yet
ssh-empty-text = With a public key of yours here, your own ssh, scp, sftp and editor enter every desktop.
ssh-key-hint = One line, from the file ending in .pub, such as ~/.ssh/id_ed25519.pub. Never the private key.
ssh-name-hint = Leave it empty and the key’s own comment is taken.
ssh-name-problem = A key’s name has 1 to 64 characters.
ssh-too-many = There are as many keys as there may be. Remove one first.
ssh-never-used = never
ssh-ask-remove = Remove { $name }?
ssh-warn-remove = It opens no desktop any more, and what it has open now is closed within seconds. It can be added again.
ssh-confirm-remove = Remove key
ssh-added = { $name } was added.
ssh-removed = { $name } was removed.
ssh-in-force = { $count ->
    [one] In force in { $count } running desktop.
   *[other] In force in { $count } running desktops.
}
ssh-pending = { $count ->
    [one] { $count } desktop does not answer yet and follows when it does.
   *[other] { $count } desktops do not answer yet and follow when they do.
}
ssh-at-next-start = { $count ->
    [one] { $count } that is off follows at its next start.
   *[other] { $count } that are off follow at their next start.
}
field-public-key = Public key
column-fingerprint = Fingerprint
column-added = Added
column-used = Last used

## Host
host-running = { $count ->
    [one] { $count } machine running
   *[other] { $count } machines running
}
host-processors = Processors
host-cpus = { $count ->
    [one] { $count } processor
   *[other] { $count } processors
}
host-memory = Memory
host-disk = Disk
host-engine = Accelerator
host-version = { $engine } { $version }
host-uptime = Up for { $time }
host-free = { $amount } free
of-total = of { $total }
workspace-disk = Your workspace has { $used } of { $limit }
accelerator-kvm-short = KVM
accelerator-tcg-short = Emulation
accelerator-simulated-short = Simulated
accelerator-tcg = KVM is not used.
warning-memories = Some memories can’t be brought back by this host.
warning-forwarding = Desktops may not reach the internet.
accelerator-tcg-effect = Desktops are emulated: all is there, several times slower.
accelerator-simulated = This is the simulated engine: there are no real machines behind these desktops.
templates = Templates
template-default = Default

## Times
time-now = now
time-minutes = { $count } min. ago
time-hours = { $count } hr. ago
time-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}

## Errors
error-home = All desktops
error-sign-in-title = You are not signed in
error-sign-in-text = Sign in and try again.
error-between = Something between this browser and Rolltop, such as a proxy, answered in its place (status { $status }). Try again; if it stays, tell whoever runs it.
error-too-large-between = Something between this browser and Rolltop, such as a proxy, takes no request that large (status { $status }). Whoever runs it can raise its limit.
error-malformed-title = The request is not as HTTP says
error-malformed-text = The request broke off or can’t be read, so nothing was done. Send it again.
error-cross-site-title = This did not come from here
error-cross-site-text = The request was not made by one of Rolltop’s own pages, so nothing was done. Open Rolltop and try again there.
error-not-found-title = There is nothing here
error-not-found-text = It may have been deleted, or the address has a mistake in it.
error-refused-title = That did not work
error-unavailable-title = Rolltop is not answering
error-unavailable-text = It may be restarting. Desktops go on running; try again in a moment.

## API keys
done = Done
api-keys = API keys
api-keys-text = For programs and the command line. Each may do only what is written here.
api-make = New API key
api-make-title = New API key
api-empty-title = No API keys yet
api-empty-text = With a key, a program or the command line uses desktops as you would, and no further than you say.
api-name-hint = What it is for, so that you know it again, such as nightly build.
api-name-problem = A key’s name has 1 to 64 characters.
api-no-scopes = Choose at least one thing that it may do.
problem-unknown_desktop = There is no such desktop.
api-too-many = There are as many keys as there may be. Revoke one first.
api-reach = Good for
api-all-desktops = All desktops
api-only = Only
api-only-gone = Only a desktop that is gone
api-never-expires = never
api-expired = expired
api-life-7 = In 7 days
api-life-30 = In 30 days
api-life-90 = In 90 days
api-life-365 = In a year
api-life-0 = Never
api-made = { $name } is ready
api-once = Copy the key now. It is shown this once and can’t be had again.
api-token = API key
api-how = Send it as Authorization: Bearer, or give it to rolltop login --api-key. Keep it like a password.
api-revoke = Revoke
api-ask-revoke = Revoke { $name }?
api-warn-revoke = Programs that use it are refused from then on, and what they have open is closed within seconds. Keys, SSH keys and links that it made end with it. There is no way back; make a new key instead.
api-confirm-revoke = Revoke key
api-revoked = { $name } was revoked.
column-may = May
column-expires = Expires
preset-use = Use desktops
preset-use-text = See, start and stop them, screen, files, commands
preset-watch = Look on
preset-watch-text = See desktops, change nothing
preset-all = Everything
preset-all-text = All that you may do yourself, keys included
preset-custom = Choose
preset-custom-text = Each permission by itself
scopes-desktops = Desktops
scopes-inside = Inside
scopes-account = Workspace
scopes-host = Installation
scope-desktops-read = See them
scope-desktops-control = Start, stop, use screen and terminal
scope-desktops-write = Make, rename, delete
scope-desktops-export = Take whole disks away
scope-files-read = Read files
scope-files-write = Change files
scope-exec = Run commands
scope-keys-read = See keys
scope-keys-write = Make and remove keys
scope-billing-read = See what is used
scope-account = Change name and password
scope-host-read = See the host’s health
scope-admin = Run the installation

## Signing a device in
device-title = Sign in a device
device-text = Type the code that the program on your device shows.
device-code = Code
device-code-hint = Eight letters, such as BCDF-GHJK.
device-go = Continue
device-warn = Only type a code that you see on a device of yours, from a program that you have just started. If somebody sent you this page or a code, they want to get into your desktops: close it.
device-no-such-code = No device waits under this code. Look again, or begin anew on the device: a code is good for 10 minutes.
device-ask = Sign in { $name }?
device-ask-text = It gets a key of its own to your workspace.
device-from = Asked from
device-asked = Asked
device-account = Signs in as
device-until = Key ends
device-grants = It will be able to
device-revoke = It can’t change your name or password. You can revoke it at any time on the page API keys.
device-warn-decide = Does your device show this code, and did you start this sign-in yourself? The name is what the program calls itself. If in doubt, deny.
device-deny = Deny
device-allow = Allow
device-allowed = The device is signed in
device-allowed-text = It goes on by itself in a few seconds. You can close this page.
device-denied = The device was denied
device-denied-text = It got nothing. If somebody asked you to type the code, tell your operator.

## Why a desktop failed, by the API’s code, for languages that it does not speak
reason-lost = The host no longer holds this desktop’s machine.
reason-died = The machine ended by itself several times. Look at its console before trying again.
reason-start_failed = The machine did not start. Look at the detail, then try again.
reason-door_timeout = The machine started but could not be entered in time. Look at its console, then try again.
reason-personalise_failed = The machine started but could not be given its identity. Try again.
reason-template_gone = The template this desktop is made from is not on the host. Build it, then try again.
reason-base_mismatch = The template’s memory was baked for another version of QEMU or another processor. Bake it again, then try again.
reason-origin_gone = The desktop it was to be forked from could not be kept. Fork it again and delete this one.
reason-memory_unusable = Its suspended memory can’t be brought back. Restart it to boot from its disk, without what was only in memory.
reason-restore_failed = It could not be put back; what it was before is kept as a snapshot.
reason-not_answering = Its machine runs, but nothing in it answers: it hangs, or was halted. Restart it to boot from its disk.
reason-slowed_disk_nearly_full = The host’s disk is nearly full, so it writes slowly. Delete what is not needed, in it or beside it.
reason-slowed_disk_quota = Its workspace has all it may have of the host’s disk, so it writes slowly. Delete what is not needed, in it or beside it.
reason-paused_disk_nearly_full = The host’s disk is nearly full, so it stands still. Free some space, and it goes on where it was.
reason-paused_disk_quota = Its workspace has all it may have of the host’s disk, so it stands still. Delete snapshots, desktops or templates, and it goes on where it was.
reason-not_answering-unknown = Its machine runs, but nothing in it answers. End what runs in it; where that is not possible, restart it.
reason-not_answering-halted = It does not answer, because its machine does nothing: it hangs, or was halted. Restart it to boot from its disk.
reason-not_answering-processors = It does not answer, because its processors are fully busy. End what runs in it; where that is not possible, restart it.
reason-not_answering-processes = It does not answer, because it has as many processes as it can. End what runs in it; where that is not possible, restart it.
reason-not_answering-memory = It does not answer, because it is out of memory. End what runs in it; where that is not possible, restart it.
not-answering = does not answer
not-answering-since = Last answer:
reason-resume_failed = It could not be entered after it was brought back, and its memory is kept. Try again, or restart it to boot from its disk, without what was only in memory.
reason-suspend_failed = Try again, and look at the host’s log if it happens again.
reason-disk_full = The host’s disk is full. Free some space, then try again.
reason-no_memory = The host has too little free memory. Stop other desktops, then try again.
reason-host_unreachable = The host did not answer. See that it runs, then try again.

## Snapshots
snapshots = Snapshots
snapshots-empty-title = No snapshots yet
snapshots-empty-text = A snapshot keeps a desktop as it is, memory and all. Desktops can be made from it that go on there.
snapshots-text = Each keeps a desktop at a moment. Desktops made from one go on there.
snapshots-none-of-it = None of this desktop yet.
column-of = Of
column-made = Made
column-taken = Taken
snapshot-no-memory = disk only
snapshot-taking = Being taken
snapshot-ready = Ready
snapshot-failed = Not taken
snapshot-deleting = Deleting
snapshot-fork = Fork
snapshot-restore = Go back
snapshot-bring-back = Bring back
snapshot-kept-until = kept until
snapshot-desktop-gone = deleted
snapshot-ask-restore = Put { $name } back?
snapshot-warn-restore = It goes on as it was then, disk and memory. What it is now is kept as a snapshot first, for a day, so you can come back from there too.
snapshot-restored = { $name } is going back.
snapshot-forked = { $name } is being made.
snapshot-ask-delete = Delete { $name }?
snapshot-warn-delete = What only this snapshot keeps is gone for good. Desktops that were made from it stay as they are.
snapshot-confirm-delete = Delete snapshot
snapshot-deleted = { $name } is deleted.

## Several at once
pick = Pick { $name }
pick-all = Pick all
bulk-label = With those picked
bulk-picked = picked
ask-bulk-stop = { $count ->
    [one] Stop { $count } desktop?
   *[other] Stop { $count } desktops?
}
ask-bulk-delete = { $count ->
    [one] Delete { $count } desktop?
   *[other] Delete { $count } desktops?
}
confirm-bulk-stop = { $count ->
    [one] Stop desktop
   *[other] Stop { $count } desktops
}
confirm-bulk-delete = { $count ->
    [one] Delete desktop
   *[other] Delete { $count } desktops
}
warn-bulk-stop = These are shut down, and their programs end. Their disks stay as they are. What is in memory now is kept for a day, so that each can be brought back.
warn-bulk-stop-for-good = These are shut down, and their programs end. Their disks stay as they are. What is in memory now is lost.
warn-bulk-delete = These will be gone, each with its disk and every file on it:
done-bulk-start = { $count ->
    [one] { $count } desktop is starting.
   *[other] { $count } desktops are starting.
}
done-bulk-suspend = { $count ->
    [one] { $count } desktop is being suspended.
   *[other] { $count } desktops are being suspended.
}
done-bulk-stop = { $count ->
    [one] { $count } desktop is stopping.
   *[other] { $count } desktops are stopping.
}
done-bulk-delete = { $count ->
    [one] { $count } desktop is being deleted.
   *[other] { $count } desktops are being deleted.
}

## Documentation
docs-overview = Overview
docs-contents = Contents
docs-on-page = On this page
docs-near = Before and after
docs-before = Before
docs-after = Next
docs-search = Search the docs
docs-search-hint = Words or the beginnings of words, such as: upload resume
docs-nothing = Nothing found. Fewer or shorter words may help.
docs-in-english = The documentation is in English.
docs-copy = Copy code
docs-code = Code
docs-table = Table
docs-api = API reference
docs-types = Types
docs-parameters = Parameters
docs-body = Body
docs-answers = Answers
docs-example = Example
docs-optional = optional

## A preview: what a program in a desktop shows on one of its ports

preview-opening = Opening the preview
preview-go-on = Go on
preview-waiting = It opens by itself once it is there.
preview-home = Open Rolltop
preview-closed-title = Nothing listens on port { $port } yet
preview-closed-text = Start a web server in the desktop { $name } on port { $port }.
preview-off-title = { $name } is not running
preview-off-text = A preview needs its desktop to run. Start it in Rolltop.
preview-busy-title = Too many connections
preview-busy-text = The desktop { $name } has as many connections to its ports as it may. Close some of its pages.
preview-unreachable-title = { $name } does not answer
preview-unreachable-text = It may be starting, or have much to do.
preview-broken-title = No answer from port { $port }
preview-broken-text = Something listens there, but it is no web server or it broke off.
preview-share-gone-title = This link does not work any more
preview-share-gone-text = It has expired or was revoked. Ask whoever gave it to you for another.

## The panel: ports

tab-ports = Ports
ports-looking = Looking for what listens
ports-listening = Listening
ports-again = Look again
ports-none = No program waits for connections. Start a web server in the desktop, on any port of its loopback, and look again.
ports-no-names = A preview needs a host name; this page was opened by an address. Use the command below.
ports-own = On your own machine
ports-own-text = This brings a port of the desktop to the same one on your machine, without any host name.
ports-forward = the command
port-open = Open
port-open-name = Open port { $port }
port-copy = Copy the address of port { $port }
port-copy-title = Copy the address
port-share = Share
shares = Share links
shares-none = None. Only members of the workspace see previews.
share-until = until
share-revoke = Revoke
share-revoked = The link opens nothing any more.
share-title = Share port { $port } of { $name }
share-text = Whoever holds the link sees what this port shows, without an account, and nothing else. You can revoke it at any time.
share-lasts = It lasts
share-hour = 1 hour
share-day = 1 day
share-week = 7 days
share-make = Make a link
share-made = The link is made
share-link = the link
share-once = It is shown this once. It lasts

# Sleep
sleep = Sleep
sleep-never = It never sleeps by itself.
sleep-after = { $count ->
    [one] It sleeps after 1 minute without use.
   *[other] It sleeps after { $count } minutes without use.
}
sleep-hours = Awake { $days }, { $from } to { $to } ({ $zone }).
sleep-awake-because = Awake because
sleep-holds = Held awake by
sleep-change = Change…
sleep-title = When it sleeps
sleep-text = A desktop that sleeps keeps everything, memory too, and takes none of the host's memory. It never sleeps while it is used or works.
sleep-after-label = Sleep after
sleep-minutes = minutes without use
sleep-minutes-wrong = Minutes are a whole number from 1 to 10,080. For never, take the tick away.
sleep-scheduled-label = Stay awake at these times, and start at their beginning
sleep-days = Days
sleep-from = From
sleep-to = To
sleep-zone = Time zone
sleep-wakes = Its page, SSH, a command or a preview wakes it within a second or two.
sleep-set = It sleeps by this from now on.
sleep-set-never = It never sleeps by itself from now on.
save = Save
day-mon = Mon
day-tue = Tue
day-wed = Wed
day-thu = Thu
day-fri = Fri
day-sat = Sat
day-sun = Sun
awake-until = until
awake-screen = { $count ->
    [one] its screen is open
   *[other] its screen is open { $count } times
}
awake-terminal = { $count ->
    [one] a terminal is open
   *[other] { $count } terminals are open
}
awake-command = { $count ->
    [one] a command runs
   *[other] { $count } commands run
}
awake-port = { $count ->
    [one] a connection to a port is open
   *[other] { $count } connections to ports are open
}
awake-ssh = { $count ->
    [one] an SSH connection is open
   *[other] { $count } SSH connections are open
}
awake-files = files are being copied
awake-processor = its processors are busy: { $amount }% of one
awake-network = it sends and receives { $amount } per second
awake-hold = it is held
awake-schedule = its schedule says so
awake-recent-use = it was used shortly before
hold-ask = Keep awake…
hold-title = Keep { $name } awake
hold-text = Until then it does not sleep by itself, whatever its policy says. You can let go earlier.
hold-lasts = For
hold-hour = 1 hour
hold-hours = 4 hours
hold-day = 1 day
hold-reason = What for (optional)
hold-made = It stays awake.
hold-release = Let go
hold-released = Nothing of that holds it any more.

# History
history-created = Made from
history-forked = Forked from
history-started = Started
history-resumed = Resumed
history-stopped = Stopped
history-suspended = Suspended
history-restarted = Restarted
history-retried = Tried again
history-deleted = Deleted
history-renamed = Renamed to
history-snapshot-taken = Kept as
history-restored = Put back to
history-died = Ended by itself, started again
history-rebooted = Restarted from inside
history-shut-down = Shut down from inside
history-held = Stands still
history-went-on = Went on
history-failed = Failed
history-not-answering = Did not answer any more
history-answers-again = Answered again
history-processes-ended = What ran was ended
cause-halted = because its machine did nothing
cause-processors = because its processors were fully busy
cause-processes = because it had as many processes as it could
cause-memory = because it was out of memory
history-under-way = under way
cause-paused_disk_nearly_full = as the host’s disk is nearly full
cause-paused_disk_quota = as its workspace has all it may of the host’s disk
cause-ssh = for an SSH connection
cause-screen = for its screen
cause-terminal = for a terminal
cause-exec = for a command
cause-files = for its files
cause-file-read = for a file
cause-ports = for a connection to a port
cause-schedule = by its schedule
cause-unused = as nobody used it
cause-used = as somebody came

# After the host was restarted
labels = Labels
labels-hint = Such as team=research, gpu. Desktops are found by them.
labels-title = Labels and note
labels-text = Labels are what desktops are found by, such as team=research. A note is free text.
labels-edit = Edit
label-clear = Show desktops without { $label } again, too
note = Note
note-hint = Free text, for whoever looks at it next.
choices-title = Settings
choices-done = The settings of { $name } are saved.
screen-size = Size of the screen
screen-size-follow = As the window of whoever uses it
screen-size-text = An agent that clicks at places needs one that stays. It is shown scaled where it does not fit.
autostart = After a restart of the host
autostart-label = Start it again
autostart-text = What was only in its memory is lost when the host goes down while it runs. A suspended desktop is kept whole.
reason-host_restarted = The host was restarted, and what was only in its memory is gone; start it again.
history-host-restarted = Off, as the host was restarted

schedule = Scheduled snapshots
schedule-none = Snapshots are taken only when somebody asks for one.
schedule-every = { $count ->
    [one] One is taken every hour while it runs.
   *[other] One is taken every { $count } hours while it runs.
}
schedule-last = { $count ->
    [one] The latest stays.
   *[other] The latest { $count } stay.
}
schedule-days = { $count ->
    [one] So does the latest of the last day that has any.
   *[other] So does the latest of each of { $count } days.
}
schedule-next = Next:
schedule-title = Scheduled snapshots
schedule-text = While the desktop runs, it is kept from time to time with its memory. What you take yourself is never deleted by this.
schedule-label = Take snapshots by themselves
schedule-each = Every
schedule-hours = hours
schedule-keep = Keep the latest
schedule-latest = of them
schedule-daily = And one a day for
schedule-of-days = days
schedule-wrong = Write whole numbers: hours, how many to keep, and days.
schedule-set = The schedule is set.
snapshot-by-schedule = by schedule

resize = Change size…
resize-title = Change size
resize-disk = Disk
resize-text = A disk grows at once, while the desktop runs, and never shrinks. Processors and memory change when it is restarted: its programs end then, and its disk stays as it is. What is in memory is kept for a day, so that you can undo this.
resize-restart = Restart it now, if that is needed
resize-disk-wrong = The disk is a whole number of GiB.
resize-waits = It has the processors and memory of before until it is restarted.
resized = { $name } has its new size.
history-resized = Resized to
history-screen-fixed = Screen fixed to
history-screen-freed = Screen follows whoever uses it

usage = Usage
usage-span = How long to look back
usage-hour = Hour
usage-day = Day
usage-month = 30 days
usage-processors = Processors
usage-memory = Memory of its own
usage-disk = Disk of its own
usage-received = Received
usage-sent = Sent
usage-percent = { $value } %
usage-per-second = { $value }/s
usage-most = { $now }, at most { $most }
usage-none = nothing yet

template-save = Save as template…
template-title = Save as template
template-name-hint = Lower case letters, digits, dots and hyphens. Saving under it again makes a newer version.
template-field-title = Title, if it is to be shown as something else
template-field-description = Description
template-logins = Log-ins that a template will not have
template-logins-text = Found in this desktop. Tick what is to stay in it: everybody who makes a desktop of the template then has it.
template-logins-none = No log-ins were found where tools usually keep them.
template-logins-looking = Looking for log-ins in it…
template-logins-unseen = Which log-ins are in it can only be seen while it runs. All that are known of are removed.
login-browsers = Browsers’ profiles
template-text = New desktops can be made of it as it is now. A copy is cleaned of keys, passwords, histories, browsers' profiles and logs; other files stay, and are not encrypted in a template. It takes a minute or so.
template-saving = { $name } is being made. It is below Snapshots, and in New desktop once it is ready.
template-own = Templates of your own
template-failed = Not made
template-is-saving = Being made
template-delete = Delete template { $name }
template-warn-delete = No more desktops can be made of it. Those that were stay.
template-confirm-delete = Delete template
template-deleted = { $name } is deleted.

setup = Setup
setup-title = Set up with a repository or script
setup-none = A git repository can be cloned into it, and a script run.
setup-begin = Set up…
setup-again = Set up again…
setup-stop = Stop setup
setup-stopping = The setup is being stopped.
setup-waiting = Waits until the desktop runs
setup-running = Being set up
setup-done = Set up
setup-failed = Not set up
setup-failed-why = It ended before it was done; its log says why.
setup-has-failed = The setup failed.
setup-show = Show log
setup-log = What the setup has written
setup-repository = Git repository
setup-repository-hint = Its address without a password, such as https://example.org/tools.git. It comes into the home folder.
setup-branch = Branch or tag
setup-script = Script
setup-script-hint = Run as user desk, in the repository where there is one; sudo asks for nothing.
setup-text = The desktop can be used meanwhile. How far it is, and what it writes, is in its panel under Activity.
setup-asked = It is being set up; follow it under Activity.
awake-setup = it is being set up
history-set-up = Set up
purpose-setup = Set it up

import = Import…
import-progress = How much of the file has been sent
snapshot-export = Export its disk
purpose-export = Exported its disk

copy-make = Copy off this host
copy-made = A copy of { $name } is being made. It is listed below.
copies = Copies off this host
copies-text = Encrypted before they left. Each has a disk, and stays when its snapshot goes.
copy-waiting = Waits
copy-copying = Being copied
copy-done = Copied
copy-failed = Not copied
copy-fetching = Being fetched
copy-fetch = Bring it back here
copy-fetch-begun = { $name } is being fetched. It is among the snapshots when it is here.
copy-actions-of = Actions for the copy { $name }
copy-ask-delete = Delete the copy { $name }
copy-warn-delete = It is deleted where it is kept. Its snapshot, if it is still here, stays.
copy-confirm-delete = Delete copy
copy-deleted = The copy { $name } is deleted.

schedule-copies = Copy each off this host too, for as long as it stays
schedule-copied = Each is copied off this host too.
schedule-copied-nowhere = Each is to be copied off this host too, but no place for copies is configured on this host.
