"""Networks: policy, critic ensemble, temperature."""
