/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/technique.h"

#include <stddef.h>

/*
 * The widest term that every file of the definition meets: NXsas says neither x-ray nor neutron.
 * Terms: The Photon and Neutron Experimental Techniques Ontology 1.3 (CC-BY-4.0).
 */
static const struct {
	struct span definition;
	const char *term;
} table[] = {
	{SPAN_INIT("NXarpes"), "PaNET01089"},        /* angle resolved photoemission */
	{SPAN_INIT("NXcanSAS"), "PaNET01124"},       /* small angle scattering */
	{SPAN_INIT("NXcxi_ptycho"), "PaNET01212"},   /* ptychography */
	{SPAN_INIT("NXdirecttof"), "PaNET01245"},    /* inelastic neutron spectroscopy */
	{SPAN_INIT("NXellipsometry"), "PaNET01255"}, /* ellipsometry */
	{SPAN_INIT("NXfluo"), "PaNET01177"},         /* x-ray fluorescence */
	{SPAN_INIT("NXindirecttof"), "PaNET01245"},  /* inelastic neutron spectroscopy */
	{SPAN_INIT("NXlauetof"), "PaNET01029"},      /* single crystal diffraction */
	{SPAN_INIT("NXmonopd"), "PaNET01030"},       /* powder diffraction */
	{SPAN_INIT("NXmpes"), "PaNET01202"},         /* photoelectron spectroscopy */
	{SPAN_INIT("NXmpes_arpes"), "PaNET01089"},   /* angle resolved photoemission */
	{SPAN_INIT("NXmx"), "PaNET01164"},           /* macromolecular crystallography */
	{SPAN_INIT("NXoptical_spectroscopy"), "PaNET01115"},
	{SPAN_INIT("NXptycho"), "PaNET01212"},     /* ptychography */
	{SPAN_INIT("NXraman"), "PaNET01195"},      /* raman spectroscopy */
	{SPAN_INIT("NXrefscan"), "PaNET01121"},    /* reflectometry */
	{SPAN_INIT("NXreftof"), "PaNET01121"},     /* reflectometry */
	{SPAN_INIT("NXsas"), "PaNET01124"},        /* small angle scattering */
	{SPAN_INIT("NXsastof"), "PaNET01124"},     /* small angle scattering */
	{SPAN_INIT("NXsqom"), "PaNET01245"},       /* inelastic neutron spectroscopy */
	{SPAN_INIT("NXstxm"), "PaNET01219"},       /* scanning transmission x-ray microscopy */
	{SPAN_INIT("NXtas"), "PaNET01245"},        /* inelastic neutron spectroscopy */
	{SPAN_INIT("NXtofnpd"), "PaNET01100"},     /* neutron powder diffraction */
	{SPAN_INIT("NXtofraw"), "PaNET01001"},     /* neutron time of flight */
	{SPAN_INIT("NXtofsingle"), "PaNET01029"},  /* single crystal diffraction */
	{SPAN_INIT("NXtomo"), "PaNET01129"},       /* tomography */
	{SPAN_INIT("NXtomophase"), "PaNET01152"},  /* propagation phase contrast tomography */
	{SPAN_INIT("NXtomoproc"), "PaNET01129"},   /* tomography */
	{SPAN_INIT("NXxas"), "PaNET01196"},        /* x-ray absorption spectroscopy */
	{SPAN_INIT("NXxasproc"), "PaNET01196"},    /* x-ray absorption spectroscopy */
	{SPAN_INIT("NXxbase"), "PaNET01102"},      /* x-ray single crystal diffraction */
	{SPAN_INIT("NXxeuler"), "PaNET01102"},     /* x-ray single crystal diffraction */
	{SPAN_INIT("NXxkappa"), "PaNET01102"},     /* x-ray single crystal diffraction */
	{SPAN_INIT("NXxlaue"), "PaNET01102"},      /* x-ray single crystal diffraction */
	{SPAN_INIT("NXxlaueplate"), "PaNET01102"}, /* x-ray single crystal diffraction */
	{SPAN_INIT("NXxnb"), "PaNET01102"},        /* x-ray single crystal diffraction */
	{SPAN_INIT("NXxps"), "PaNET01204"},        /* x-ray photoelectron spectroscopy */
	{SPAN_INIT("NXxrd"), "PaNET01216"},        /* x-ray diffraction */
	{SPAN_INIT("NXxrd_pan"), "PaNET01216"},    /* x-ray diffraction */
	{SPAN_INIT("NXxrot"), "PaNET01102"},       /* x-ray single crystal diffraction */
};

const char *
technique_of(struct span definition)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (span_eq(definition, table[i].definition))
			return table[i].term;
	return NULL;
}
