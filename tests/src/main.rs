//! The table of contents of edgefit's tests: a name, what the test needs, and the function that is the test.
//!
//! One program holds all of them, so that the heavy libraries are linked once. A test whose need is not there is
//! shown as ignored, with what is missing and how to get it; see `needs`. Tests of one module's inside live beside
//! that module, not here.

mod architecture;
mod harness;
mod needs;
mod process;
mod repository;

use std::process::ExitCode;

use architecture::{dependencies, documents, purity, sources, tree};
use harness::{Test, test};
use needs::Need::{GitCheckout, OnnxChecker, OnnxRuntime};

#[rustfmt::skip] // a table is read line by line
const CONTENTS: &[Test] = &[
    // The tree is as ARCHITECTURE.md, CONTRIBUTING.md and README.md say.
    test("architecture::crates_depend_as_the_table_says", &[], dependencies::match_the_table),
    test("architecture::heart_libraries_are_pinned_exactly", &[], dependencies::are_pinned_exactly),
    test("architecture::tests_build_no_library_twice", &[], dependencies::have_one_set_of_features),
    test("architecture::every_crate_inherits_the_workspace", &[], dependencies::inherit_the_workspace),
    test("architecture::pure_crates_do_no_io", &[], purity::pure_crates_do_no_io),
    test("architecture::protocol_needs_no_std", &[], purity::protocol_needs_no_std),
    test("architecture::every_module_says_what_it_is_for", &[GitCheckout], sources::begin_with_their_purpose),
    test("architecture::every_file_is_one_concept", &[GitCheckout], sources::are_one_concept),
    test("architecture::no_path_of_one_machine", &[GitCheckout], sources::name_no_machine),
    test("architecture::top_level_is_fixed", &[GitCheckout], tree::top_level_is_fixed),
    test("architecture::every_folder_is_described", &[GitCheckout], tree::every_folder_is_described),
    test("documents::paths_exist", &[], documents::paths_exist),
    test("documents::changelog_has_an_unreleased_section", &[], documents::changelog_is_kept),
    test("documents::licenses_are_whole", &[], documents::licenses_are_whole),
    test("documents::additions_touch_few_files", &[], documents::additions_touch_few_files),
    test("documents::readme_marks_its_test_command", &[], documents::readme_marks_its_test_command),
    // What these tests bring with them works.
    test("needs::onnx_runtime", &[OnnxRuntime], needs::python::has_onnx_runtime),
    test("needs::onnx_checker", &[OnnxChecker], needs::python::has_onnx_checker),
];

fn main() -> ExitCode {
    harness::run(CONTENTS)
}
