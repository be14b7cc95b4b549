"""Steps, controls and renders a compiled scene."""
