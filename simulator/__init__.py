"""A made-up but lifelike property market, served in the sources' own formats.

Here: the market itself (`market`, `geography`, `names`), its two written forms
(`psi` and `psi_rows` for the New South Wales weekly files, `csv_sales` for the
Melbourne layout), an HTTP server with faults on request (`server`, `faults`) and
the demo webhook consumer (`consumer`). Elsewhere: everything that reads those
formats (`connectors/`) and everything that signs and sends (`delivery/`); this
package plays the remote parties, so it shares no code with either.

Nothing here is about real homes: names are invented, and every answer of the
server carries `X-Simulated: true`.
"""
