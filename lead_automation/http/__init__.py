"""The parts of the HTTP border that ``transport`` is made of."""
