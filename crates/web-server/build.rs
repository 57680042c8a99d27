//! Makes cargo embed the front end and the documentation anew when they have changed.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
    println!("cargo::rerun-if-changed=../../docs");
}
