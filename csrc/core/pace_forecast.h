/* How long many sends would take. */
#ifndef LKS_PACE_FORECAST_H
#define LKS_PACE_FORECAST_H

#include "pace.h"

#define LKS_PACE_FORECAST_EXACT 100000

/* How long `requests` sends would take from `now`: the span to the last one's slot, at most LKS_SPAN_MAX. 0 for none,
 * -1 when out of memory. Past LKS_PACE_FORECAST_EXACT requests the rest is reckoned at the long-run rate. */
lks_span lks_pace_forecast(const lks_pace *pace, const lks_windows *windows, lks_time now, uint64_t requests);

#endif
