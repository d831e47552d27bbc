//! Convolution.

use edgefit_graph::Role;
use edgefit_graph::op::{Conv, Op};

use super::window::window;
use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::Value;

pub(super) fn conv(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    let (weight, bias) = (site.tensor(1)?, site.optional_tensor(2)?);
    let [out_channels, _, kernel @ ..] = weight.shape.dims() else {
        return Err(site.bad_shape(format!("its weight is {}", weight.shape)));
    };
    let stated = site.sizes("kernel_shape")?;
    if stated.is_some_and(|stated| stated != kernel) {
        return Err(site.bad_shape(format!("kernel_shape does not fit the weight {}", weight.shape)));
    }
    let groups = site.int("group")?.unwrap_or(1);
    let groups = usize::try_from(groups).map_err(|_| site.bad_shape(format!("{groups} groups")))?;
    let window = window(site, x, kernel.to_vec())?;
    let op = Conv { out_channels: *out_channels, window, groups, bias: bias.is_some() };
    let params = std::iter::once((Role::Weight, weight)).chain(bias.map(|bias| (Role::Bias, bias)));
    site.op(Op::Conv(op), &[x], params.collect())
}
