//! The tables as diesel sees them; `migrations/` makes them. Only types that SQLite and PostgreSQL share.

use diesel::table;

table! {
    edgefit_schema (version) {
        version -> BigInt,
    }
}

table! {
    edgefit_study (id) {
        id -> BigInt,
        config -> Text,
        seed -> Text,
        provenance -> Text,
    }
}

table! {
    phases (name) {
        name -> Text,
        number -> BigInt,
        seconds -> Double,
    }
}

table! {
    table_samples (number) {
        number -> BigInt,
        genotype -> Text,
        digest -> Text,
    }
}

table! {
    trials (draw) {
        draw -> BigInt,
        number -> BigInt,
        genotype -> Text,
        digest -> Nullable<Text>,
        status -> Text,
        stopped_by -> Nullable<Text>,
        hypervolume -> Nullable<Double>,
        document -> Text,
    }
}

table! {
    trainings (draw, purpose) {
        draw -> BigInt,
        purpose -> Text,
        seconds -> Double,
        epochs -> Text,
    }
}

table! {
    finalists (draw) {
        draw -> BigInt,
        place -> BigInt,
        readings -> Text,
    }
}

table! {
    measurements (key) {
        key -> Text,
        purpose -> Text,
        document -> Text,
    }
}

table! {
    documents (name) {
        name -> Text,
        document -> Text,
    }
}
