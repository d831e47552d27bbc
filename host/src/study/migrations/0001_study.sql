CREATE TABLE edgefit_study (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    config TEXT NOT NULL,
    seed TEXT NOT NULL,
    provenance TEXT NOT NULL
);

CREATE TABLE phases (
    name TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL
);

CREATE TABLE table_samples (
    number BIGINT NOT NULL PRIMARY KEY,
    genotype TEXT NOT NULL,
    digest TEXT NOT NULL
);

CREATE TABLE trials (
    draw BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    genotype TEXT NOT NULL,
    digest TEXT,
    status TEXT NOT NULL,
    stopped_by TEXT,
    hypervolume DOUBLE PRECISION,
    document TEXT NOT NULL
);

CREATE TABLE trainings (
    draw BIGINT NOT NULL REFERENCES trials (draw),
    purpose TEXT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    epochs TEXT NOT NULL,
    PRIMARY KEY (draw, purpose)
);

CREATE TABLE finalists (
    draw BIGINT NOT NULL PRIMARY KEY REFERENCES trials (draw),
    place BIGINT NOT NULL,
    readings TEXT NOT NULL
);

CREATE TABLE measurements (
    key TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    document TEXT NOT NULL
);

CREATE TABLE documents (
    name TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);
