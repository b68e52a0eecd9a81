"""The simulated Domain API: the made-up market as property listings over HTTP.

`service` is the way in: one request in, one reply out. Below it `credentials` and
`quotas` decide whether a caller is answered; `turnover`, `listings` and `catalogue`
say what is advertised at a moment; `query` reads searches; the `*_answers` modules
write the JSON. Here: what the API says. Elsewhere: HTTP and faults (`simulator.server`,
`simulator.faults`).
"""
