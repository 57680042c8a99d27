//! Makes cargo embed the front end anew when it has been built anew.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
