//! The space that a table's models come from, as the table file keeps it: its settings as TOML, the input and the classes.

use edgefit_graph::Shape;
use edgefit_latency::Population;
use edgefit_search::{Space, SpaceSettings, Task, space};

use crate::error::{Error, ErrorKind, Result};

/// A space and what its networks are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceSpec {
    /// The space.
    pub settings: SpaceSettings,
    /// Shape of one sample.
    pub input: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
}

impl SpaceSpec {
    /// The space itself.
    ///
    /// # Errors
    /// When there is no such space, or it cannot take this input.
    pub fn build(&self) -> Result<Box<dyn Space>> {
        let task = Task { input: Shape::new(self.input.clone()), classes: self.classes };
        Ok(space::build(&self.settings, &task)?)
    }

    /// For the table file.
    ///
    /// # Errors
    /// None that a user could cause.
    pub fn population(&self) -> Result<Population> {
        let space = toml::to_string(&self.settings).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        Ok(Population { space, input: self.input.clone(), classes: self.classes })
    }

    /// From the table file.
    ///
    /// # Errors
    /// When its models are not of a space, or it is written in another way than [`SpaceSpec::population`] does.
    pub fn of(population: &Population) -> Result<Self> {
        if population.input.is_empty() {
            let message = format!(
                "the table's models are {}, not of a search space, so none can be drawn; try it on ONNX files by --onnx",
                population.space
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let told = |e: toml::de::Error| {
            Error::new(ErrorKind::Storage, format!("the table names a space that cannot be read: {}", e.message()))
        };
        let settings = toml::from_str(&population.space).map_err(told)?;
        Ok(Self { settings, input: population.input.clone(), classes: population.classes })
    }
}

#[cfg(test)]
mod tests {
    use edgefit_search::SpaceSettings;

    use super::SpaceSpec;

    #[test]
    fn a_space_survives_the_table_file() {
        let settings = SpaceSettings { kernels: Some(vec![3, 5]), ..SpaceSettings::preset("mbconv") };
        let spec = SpaceSpec { settings, input: vec![3, 32, 32], classes: 10 };
        assert_eq!(SpaceSpec::of(&spec.population().unwrap()), Ok(spec));
    }
}
