/* output_list.h - every form of a run's file, one line each; define OUTPUT and include. */
OUTPUT(json)
OUTPUT(xml)
OUTPUT(html)
OUTPUT(csv)
#undef OUTPUT
