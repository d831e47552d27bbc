//! The table of contents of edgefit's tests: a name, what the test needs, and the function that is the test.
//!
//! One program holds all of them, so that the heavy libraries are linked once. A test whose need is not there is
//! shown as ignored, with what is missing and how to get it; see `needs`. Tests of one module's inside live beside
//! that module, not here.

mod agent;
mod architecture;
mod board;
mod command;
mod conformance;
mod devices;
mod harness;
mod needs;
mod process;
mod repository;

use std::process::ExitCode;

use agent::{emulated, frames, models};
use architecture::{dependencies, documents, purity, sources, tree};
use command::{
    bench, by_gradient, compare, data, device, examples, export, main_job, mistakes, one_shot, report, resume, runtime,
    several, shell, simulate, storage, table, training,
};
use devices::{adb, pool, ssh, trouble, vanishing};
use harness::{Test, test};
use needs::Need::{
    Adb, Board, Chromium, Data, GitCheckout, InstalledRuntime, Mount, OnnxChecker, OnnxRuntime, Program, Ssh, Time,
};

#[rustfmt::skip] // a table is read line by line
const CONTENTS: &[Test] = &[
    // What these tests bring with them works.
    test("needs::onnx_runtime", &[OnnxRuntime], needs::python::has_onnx_runtime),
    test("needs::onnx_checker", &[OnnxChecker], needs::python::has_onnx_checker),
    test("needs::chromium", &[Chromium], needs::chromium::shows_pages),
    // The tree is as ARCHITECTURE.md, CONTRIBUTING.md and README.md say.
    test("architecture::crates_depend_as_the_table_says", &[], dependencies::match_the_table),
    test("architecture::heart_libraries_are_pinned_exactly", &[], dependencies::are_pinned_exactly),
    test("architecture::tests_build_no_library_twice", &[], dependencies::have_one_set_of_features),
    test("architecture::every_crate_inherits_the_workspace", &[], dependencies::inherit_the_workspace),
    test("architecture::pure_crates_do_no_io", &[GitCheckout], purity::pure_crates_do_no_io),
    test("architecture::protocol_needs_no_std", &[], purity::protocol_needs_no_std),
    test("architecture::every_module_says_what_it_is_for", &[GitCheckout], sources::begin_with_their_purpose),
    test("architecture::every_file_is_one_concept", &[GitCheckout], sources::are_one_concept),
    test("architecture::no_path_of_one_machine", &[GitCheckout], sources::name_no_machine),
    test("architecture::top_level_is_fixed", &[GitCheckout], tree::top_level_is_fixed),
    test("architecture::every_folder_is_described", &[GitCheckout], tree::every_folder_is_described),
    test("documents::paths_exist", &[], documents::paths_exist),
    test("documents::invariants_name_real_tests", &[], documents::invariants_name_real_tests),
    test("documents::changelog_has_an_unreleased_section", &[], documents::changelog_is_kept),
    test("documents::licenses_are_whole", &[], documents::licenses_are_whole),
    test("documents::additions_touch_few_files", &[], documents::additions_touch_few_files),
    test("documents::readme_marks_its_test_command", &[], documents::readme_marks_its_test_command),
    test("documents::readme_shows_real_commands", &[Program], shell::readme_shows_real_commands),
    // The agent's suite with what the agent's own tests cannot bring.
    test("agent::onnx_runtime_passes", &[OnnxRuntime], agent::onnx_runtime_passes),
    test("agent::damaged_frames_do_no_harm", &[Program], frames::damaged_frames_do_no_harm),
    test("agent::damaged_models_do_no_harm", &[Program], models::damaged_models_do_no_harm),
    test("agent::damaged_models_do_no_harm_in_onnx_runtime", &[Program, OnnxRuntime], models::damaged_models_do_no_harm_in_onnx_runtime),
    test("agent::of_another_processor_passes", &[Board], emulated::passes_its_suite),
    test("agent::of_another_processor_passes_with_onnx_runtime", &[Program, Board, OnnxRuntime], emulated::passes_with_onnx_runtime),
    // One network means the same in burn, tract and ONNX Runtime.
    test("conformance::burn_agrees_with_plain_loops", &[], conformance::burn_agrees_with_plain_loops),
    test("conformance::tract_agrees_with_burn", &[], conformance::tract_agrees_with_burn),
    test("conformance::onnx_runtime_agrees_with_burn", &[OnnxRuntime], conformance::onnx_runtime_agrees_with_burn),
    test("conformance::onnx_checker_accepts", &[OnnxChecker], conformance::onnx_checker_accepts),
    test("conformance::tract_agrees_on_every_space", &[], conformance::tract_agrees_on_every_space),
    test("conformance::every_space_is_trained", &[], conformance::every_space_is_trained),
    // The main job.
    test("search::a_run_has_all_its_files", &[Program], main_job::a_run_has_all_its_files),
    test("search::runs_are_named_by_data_and_space", &[Program], main_job::runs_are_named_by_data_and_space),
    test("search::cells_go_all_the_way", &[Program], main_job::cells_go_all_the_way),
    test("examples::convolutions_run", &[Program], examples::convolutions_run),
    test("examples::cells_run", &[Program], examples::cells_run),
    test("examples::series_run", &[Program], examples::series_run),
    test("examples::attention_runs", &[Program], examples::attention_runs),
    test("search::an_earlier_run_is_begun_with", &[Program], main_job::an_earlier_run_is_begun_with),
    test("examples::own_space_runs", &[Program], examples::own_space_runs),
    test("search::the_winner_runs_elsewhere", &[Program, OnnxChecker], main_job::the_winner_runs_elsewhere),
    test("search::the_winner_meets_its_bounds_as_measured", &[Program], main_job::the_winner_meets_its_bounds_as_measured),
    test("search::bounds_stop_candidates_before_training", &[Program], main_job::bounds_stop_candidates_before_training),
    test("search::an_impossible_bound_names_the_smallest", &[Program], main_job::an_impossible_bound_names_the_smallest_network),
    test("search::several_devices_are_measured", &[Program], several::every_network_is_measured_on_each),
    test("search::a_bound_of_one_device_stops_candidates", &[Program], several::a_bound_of_one_device_stops_candidates),
    test("search::the_command_line_chooses_devices", &[Program], several::the_command_line_chooses),
    test("search::mnist_is_read", &[Program, Data("mnist")], data::mnist_is_read),
    test("data::series_go_all_the_way", &[Program], data::series_go_all_the_way),
    test("data::sounds_go_all_the_way", &[Program], data::sounds_go_all_the_way),
    test("train::divergence_ends_a_trial_and_not_the_run", &[Program], data::divergence_ends_a_trial_and_not_the_run),
    test("train::other_aims_are_goals", &[Program], training::other_aims_are_goals),
    test("train::accuracies_are_foretold", &[Program], training::accuracies_are_foretold),
    test("train::the_worst_group_is_a_goal", &[Program], training::the_worst_group_is_a_goal),
    test("train::recipes_are_tuned", &[Program], training::recipes_are_tuned),
    test("train::only_what_can_be_judged_ends_early", &[Program], training::only_what_can_be_judged_ends_early),
    test("train::absent_computes_are_told", &[Program], training::absent_computes_are_told),
    test("export::a_trial_is_trained_and_exported", &[Program], export::a_trial_is_trained_and_exported),
    test("export::eight_bits_classify_as_well", &[Program, OnnxRuntime, OnnxChecker], export::eight_bits_classify_as_well),
    test("one_shot::candidates_inherit_shared_weights", &[Program], one_shot::candidates_inherit_shared_weights),
    test("one_shot::other_spaces_are_refused", &[Program], one_shot::other_spaces_are_refused),
    test("one_shot::shared_weights_that_diverge_are_told", &[Program], one_shot::shared_weights_that_diverge_are_told),
    test(
        "by_gradient::a_supernet_guides_the_search_and_survives_a_kill",
        &[Program],
        by_gradient::a_supernet_guides_the_search_and_survives_a_kill,
    ),
    test(
        "by_gradient::latency_is_expected_and_other_spaces_are_refused",
        &[Program],
        by_gradient::latency_is_expected_and_other_spaces_are_refused,
    ),
    test("resume::kill_at_any_moment_loses_nothing", &[Program], resume::kill_at_any_moment_loses_nothing),
    test("resume::hopeless_trainings_end_again", &[Program], resume::hopeless_trainings_end_again),
    test("resume::paused_trainings_go_on", &[Program], resume::paused_trainings_go_on),
    test("resume::interrupting_says_how_to_go_on", &[Program], resume::interrupting_says_how_to_go_on),
    test("report::opens_in_a_browser", &[Program, Chromium], report::report_opens_in_a_browser),
    test("report::is_written_anew", &[Program], report::report_is_written_anew),
    // Measuring models, and the runtimes for it.
    test("bench::a_report_has_its_numbers", &[Program], bench::a_report_has_its_numbers),
    test("bench::energy_is_told_or_why_not", &[Program], bench::energy_is_told_or_why_not),
    test("bench::a_report_is_text_beside_its_file", &[Program], bench::a_report_is_text_beside_its_file),
    test("bench::onnx_runtime_runs_as_asked", &[Program, OnnxRuntime], bench::onnx_runtime_runs_as_asked),
    test("bench::the_installed_runtime_is_found", &[Program, InstalledRuntime], bench::the_installed_runtime_is_found),
    test("bench::weights_in_another_file_are_found", &[Program, OnnxChecker], bench::weights_in_another_file_are_found),
    test("bench::a_model_without_end_is_ended", &[Program, OnnxRuntime, OnnxChecker], bench::a_model_without_end_is_ended),
    test("bench::failures_are_structured", &[Program], bench::failures_are_structured),
    test("bench::wrong_options_are_refused", &[Program], bench::wrong_options_are_refused),
    test("compare::models_stand_side_by_side", &[Program], compare::models_stand_side_by_side),
    test("compare::the_table_says_what_its_numbers_are", &[Program], compare::the_table_says_what_its_numbers_are),
    test("compare::failures_name_the_model", &[Program], compare::failures_name_the_model),
    test("runtime::an_installed_library_is_usable", &[Program, InstalledRuntime], runtime::an_installed_library_is_usable),
    test("runtime::a_damaged_library_is_noticed", &[Program], runtime::a_damaged_library_is_noticed),
    test("runtime::a_failed_installation_says_what_to_do", &[Program], runtime::a_failed_installation_says_what_to_do),
    test("runtime::pip_is_asked_for_the_pinned_wheel", &[Program], runtime::pip_is_asked_for_the_pinned_wheel),
    test("simulate::strategies_are_compared", &[Program], simulate::strategies_are_compared),
    test("simulate::a_bound_and_two_objectives_are_kept", &[Program], simulate::a_bound_and_two_objectives_are_kept),
    test("simulate::a_comparison_is_drawn", &[Program], simulate::a_comparison_is_drawn),
    test("simulate::wrong_tables_are_told", &[Program], simulate::wrong_tables_are_told),
    test("simulate::the_published_cells_give_the_known_figures", &[Program, Data("nasbench201.csv.gz")], simulate::the_published_cells_give_the_known_figures),
    // Devices that are not this machine.
    test("devices::a_board_is_added_checked_and_measured", &[Program, Board, Ssh], ssh::a_board_is_added_checked_and_measured),
    test("devices::a_board_behind_a_jump_host_is_measured", &[Program, Board, Ssh], ssh::a_board_behind_a_jump_host_is_measured),
    test("devices::a_search_measures_on_the_board", &[Program, Board, Ssh, OnnxRuntime], ssh::a_search_measures_on_the_board),
    test("devices::the_example_is_searched_on_the_board", &[Program, Board, Ssh, Time], ssh::the_example_is_searched_on_the_board),
    test("devices::cuts_do_not_change_a_search", &[Program, Ssh], trouble::cuts_do_not_change_a_search),
    test("devices::many_cuts_do_not_change_a_search", &[Program, Board, Ssh, OnnxRuntime, Time], trouble::many_cuts_do_not_change_a_search),
    test("devices::a_full_disk_is_told", &[Program, Board, Ssh], trouble::a_full_disk_is_told),
    test("devices::a_second_user_waits", &[Program, Board, Ssh], trouble::a_second_user_waits),
    test("devices::old_agents_go_and_are_told", &[Program, Board, Ssh], trouble::old_agents_go_and_are_told),
    test("devices::the_stand_in_is_a_phone_to_adb", &[Board, Adb], adb::the_stand_in_is_a_phone_to_adb),
    test("devices::a_phone_is_measured", &[Program, Board, Adb], adb::a_phone_is_measured),
    test("devices::several_phones_are_told_apart", &[Program, Board, Adb], adb::several_phones_are_told_apart),
    test("devices::a_phone_that_goes_is_told", &[Program, Board, Adb], adb::a_phone_that_goes_is_told),
    test("devices::a_pool_goes_on_without_one_that_dies", &[Program], pool::goes_on_without_one_that_dies),
    test("devices::a_pool_shares_the_work_of_a_table", &[Program], pool::shares_the_work_of_a_table),
    test("devices::a_search_goes_on_without_one_of_several", &[Program], vanishing::the_others_go_on),
    test("devices::a_search_stops_without_one_of_several", &[Program], vanishing::the_search_stops),
    test("devices::one_of_several_is_used_in_two_ways", &[Program], vanishing::one_is_used_in_two_ways),
    // Latency tables.
    test("table::is_built_and_goes_on", &[Program], table::a_table_is_built_and_goes_on),
    test("table::is_kept_when_interrupted", &[Program], table::an_interrupted_table_is_kept),
    test("table::tables_are_merged", &[Program], table::tables_are_merged),
    test("table::another_is_transferred", &[Program], table::another_table_is_transferred),
    test("table::tables_are_compared_and_drawn", &[Program], table::tables_are_compared_and_drawn),
    test("table::is_built_for_any_network", &[Program], table::a_table_for_any_network_is_built),
    test("table::is_evaluated_on_fresh_models", &[Program], table::a_table_is_evaluated_on_fresh_models),
    test("table::predicts_any_model", &[Program], table::any_model_is_predicted),
    test("table::tabulated_cells_are_evaluated", &[Program], table::tabulated_cells_are_evaluated),
    test("table::published_cells_are_predicted", &[Program, Data("nasbench201.csv.gz")], table::published_cells_are_predicted),
    test("shell::help_completions_and_man_page", &[Program], shell::help_completions_and_man_page_are_there),
    test("shell::output_on_a_pipe_is_plain", &[Program], shell::output_on_a_pipe_is_plain),
    // What goes wrong ends with its exit code and says what to do.
    test("mistakes::unknown_key_names_the_nearest", &[Program], mistakes::unknown_key_names_the_nearest),
    test("mistakes::impossible_values_are_refused", &[Program], mistakes::impossible_values_are_refused),
    test("mistakes::empty_ranges_are_refused", &[Program], mistakes::empty_ranges_are_refused),
    test("mistakes::unknown_names_list_the_known", &[Program], mistakes::unknown_names_list_the_known),
    test("mistakes::unreadable_search_files_are_told", &[Program], mistakes::unreadable_search_files_are_told),
    test("mistakes::wrong_command_lines_are_told", &[Program], mistakes::wrong_command_lines_are_told),
    test("data::missing_data_is_told", &[Program], data::missing_data_is_told),
    test("data::empty_folders_are_told", &[Program], data::empty_folders_are_told),
    test("data::broken_images_are_named", &[Program], data::broken_images_are_named),
    test("device::unknown_devices_are_told", &[Program], device::unknown_devices_are_told),
    test("device::an_agent_that_dies_at_once_is_told", &[Program], device::an_agent_that_dies_at_once_is_told),
    test("device::an_agent_that_dies_during_a_job_is_told", &[Program], device::an_agent_that_dies_during_a_job_is_told),
    test("storage::two_runs_do_not_share_a_folder", &[Program], storage::two_runs_do_not_share_a_folder),
    test("storage::a_run_is_not_overwritten", &[Program], storage::a_run_is_not_overwritten),
    test("storage::a_full_disk_is_told", &[Program, Mount], storage::a_full_disk_is_told),
];

fn main() -> ExitCode {
    harness::run(CONTENTS)
}
